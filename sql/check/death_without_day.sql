-- death_without_day: cohort patients recorded as dead without a day.
--
-- Severity   info
-- Grain      one row per patient
-- Reads      cohort
-- Keeps      dead patients with no date of death, or with a year or month only
-- Drops      all others
-- Caveat     they take part in no rule about time and may still be counted as not measured
-- Reference  FHIR Patient.deceased[x]
SELECT
    site_id,
    arm,
    patient_id
FROM cohort
WHERE deceased AND death_date IS NULL;
