-- result_after_death: results measured after the patient's death.
--
-- Severity   error
-- Grain      one row per result
-- Reads      measurement
-- Keeps      results set aside because they come after death
-- Drops      all others
-- Caveat     one of the two dates is wrong, and so may be the death
-- Reference  the record itself
SELECT
    site_id,
    arm,
    patient_id
FROM measurement
WHERE set_aside = 'after_death';
