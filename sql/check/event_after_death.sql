-- event_after_death: adverse events of the cohort with an onset after death.
--
-- Severity   error
-- Grain      one row per AdverseEvent
-- Reads      onset
-- Keeps      actual events after the day of death, or its time where both have one
-- Drops      potential events, and those entered in error
-- Caveat     one of the two dates is wrong; they are in no count of events
-- Reference  51_onset.sql, 52_event.sql
SELECT
    site_id,
    arm,
    patient_id
FROM onset
WHERE after_death;
