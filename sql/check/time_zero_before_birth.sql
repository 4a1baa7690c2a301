-- time_zero_before_birth: cohort patients whose time zero lies before their birth.
--
-- Severity   error
-- Grain      one row per patient
-- Reads      cohort, person
-- Keeps      patients with time zero before the first day on which they may have been born
-- Drops      all others
-- Caveat     one of the two dates is wrong; a birth date in part is taken at its first day
-- Reference  the record itself
SELECT
    c.site_id,
    c.arm,
    c.patient_id
FROM cohort AS c
INNER JOIN person AS p ON c.site_id = p.site_id AND c.patient_id = p.patient_id
WHERE c.zero_date < p.birth_from;
