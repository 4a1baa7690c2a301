-- event_without_day: adverse events of the cohort without a day of onset.
--
-- Severity   warning
-- Grain      one row per AdverseEvent
-- Reads      onset
-- Keeps      actual events whose onset, detection and recording are no day
-- Drops      potential events, and those entered in error
-- Caveat     a year or month is never made into its first day: they are in no count of events
-- Reference  51_onset.sql, 52_event.sql
SELECT
    site_id,
    arm,
    patient_id
FROM onset
WHERE onset_date IS NULL;
