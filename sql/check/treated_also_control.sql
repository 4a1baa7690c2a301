-- treated_also_control: treated patients who are controls until their own infusion.
--
-- Severity   info
-- Grain      one row per patient
-- Reads      cohort
-- Keeps      patients in both arms
-- Drops      all others
-- Caveat     tests and intervals take the arms for different people: with many in both they are a little
--            off, to either side.  To leave the controls at the infusion is censoring that may depend on
--            how they fare
-- Reference  Hernán MA, Robins JM. Am J Epidemiol 2016;183:758-64; 16_risk_set.sql
SELECT
    t.site_id,
    t.arm,
    t.patient_id
FROM cohort AS t
SEMI JOIN cohort AS c ON t.site_id = c.site_id AND t.patient_id = c.patient_id AND c.arm = 'control'
WHERE t.arm = 'treated';
