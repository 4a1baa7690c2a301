-- no_birth_date: cohort patients without a birth date.
--
-- Severity   info
-- Grain      one row per patient
-- Reads      cohort
-- Keeps      patients whose age is not known
-- Drops      all others
-- Caveat     where the study declares an age they leave (23_age.sql); else they have no age in
--            Table 1
-- Reference  FHIR Patient.birthDate is optional
SELECT
    site_id,
    arm,
    patient_id
FROM cohort
WHERE age_years IS NULL;
