-- patient_replaced: Patients whose records should be another's: one person may be counted twice.
--
-- Severity   error
-- Grain      one row per patient
-- Reads      same_person, counted_as
-- Keeps      Patients replaced by another who landed, in the cohort or not
-- Drops      all others
-- Caveat     nobody is merged; have the source move what is recorded under the old id
-- Reference  FHIR value set link-type: replaced-by, replaces
SELECT DISTINCT
    l.site_id,
    c.arm,
    l.patient_id
FROM same_person AS l
LEFT JOIN counted_as AS c ON l.site_id = c.site_id AND l.patient_id = c.patient_id
WHERE l.is_replaced;
