-- infusions_not_as_planned: treated patients with more or fewer infusions than the protocol has.
--
-- Severity   warning
-- Grain      one row per treated patient
-- Reads      cohort, study
-- Keeps      treated patients whose infusions that count are not as many as [exposure] infusions
-- Drops      all where the study declares no number
-- Caveat     they stay in the analysis: to require every infusion would select those who lived to get it
-- Reference  13_infusion.sql; Suissa S. Am J Epidemiol 2008;167:492-9 (immortal time)
SELECT
    c.site_id,
    c.arm,
    c.patient_id
FROM cohort AS c
INNER JOIN study AS s ON c.n_infusions != s.planned_infusions
WHERE c.arm = 'treated';
