-- result_before_birth: results measured before the patient's birth.
--
-- Severity   error
-- Grain      one row per result
-- Reads      measurement
-- Keeps      results set aside because they come before birth
-- Drops      all others
-- Caveat     one of the two dates is wrong; a birth date in part is taken at its first day
-- Reference  the record itself
SELECT
    site_id,
    arm,
    patient_id
FROM measurement
WHERE set_aside = 'before_birth';
