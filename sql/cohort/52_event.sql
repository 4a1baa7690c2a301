-- event: adverse events of the cohort, on or after time zero.
--
-- Grain      one row per AdverseEvent (site_id, adverse_event_id)
-- Reads      onset, study
-- Keeps      onsets from time zero to the declared last day, both included
-- Drops      onset before time zero, after death or without a day (sql/check counts the last two)
-- Caveat     an event of which only the date is known counts on the day of time zero
-- Reference  ICH E9: treatment-emergent events
CREATE OR REPLACE TABLE event AS
SELECT
    o.site_id,
    o.patient_id,
    o.adverse_event_id,
    o.arm,
    o.stratum,
    o.term,
    o.seriousness_code,
    o.severity,
    o.grade,
    o.causality,
    o.onset_at,
    o.onset_date,
    o.day
FROM onset AS o
CROSS JOIN study AS s
WHERE o.from_zero AND o.day <= s.events_until_day AND NOT o.after_death;
