-- event_before_birth: adverse events of the cohort with an onset before birth.
--
-- Severity   error
-- Grain      one row per AdverseEvent
-- Reads      onset, person
-- Keeps      actual events before the first day on which the patient may have been born
-- Drops      potential events, and those entered in error
-- Caveat     one of the two dates is wrong; a birth date in part is taken at its first day
-- Reference  51_onset.sql
SELECT
    o.site_id,
    o.arm,
    o.patient_id
FROM onset AS o
INNER JOIN person AS p ON o.site_id = p.site_id AND o.patient_id = p.patient_id
WHERE o.onset_date < p.birth_from;
