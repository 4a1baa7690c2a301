-- time_zero_before_anchor: patients whose time zero lies before the record that makes them candidates.
--
-- Severity   warning
-- Grain      one row per patient
-- Reads      cohort
-- Keeps      patients with a negative number of days from the anchor to time zero
-- Drops      all others
-- Caveat     that they would belong to the population could not be known at time zero; [exposure] first_dose
--            leaves them out, and a record of the diagnosis made a few hours late is harmless
-- Reference  Hernán MA, Robins JM. Am J Epidemiol 2016;183:758-64 (eligibility and time zero)
SELECT
    site_id,
    arm,
    patient_id
FROM cohort
WHERE days_from_anchor < 0;
