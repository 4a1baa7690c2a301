-- infusions_off_schedule: treated patients with an infusion that was not given on its planned day.
--
-- Severity   warning
-- Grain      one row per treated patient
-- Reads      off_schedule
-- Keeps      all of them
-- Drops      all where the study declares no days
-- Caveat     they stay in the analysis: to require the later infusions would select those who lived to get
--            them on time
-- Reference  34_off_schedule.sql; Suissa S. Am J Epidemiol 2008;167:492-9 (immortal time)
SELECT
    site_id,
    'treated' AS arm,
    patient_id
FROM off_schedule;
