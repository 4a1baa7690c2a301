-- unknown_patient: records of a patient who did not land, or of nobody.
--
-- Severity   warning
-- Grain      one row per record
-- Reads      stray_record
-- Keeps      records whose subject is no landed Patient, or no reference at all
-- Drops      nothing
-- Caveat     a subject given by identifier only counts here too, and one on another server (foreign_subject)
-- Reference  FHIR Reference.identifier
SELECT
    site_id,
    CAST(NULL AS VARCHAR) AS arm,
    patient_id
FROM stray_record;
