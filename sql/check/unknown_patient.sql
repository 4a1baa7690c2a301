-- unknown_patient: records of a patient who did not land, or of nobody.
--
-- Severity   warning
-- Grain      one row per record
-- Reads      record, person
-- Keeps      records whose subject is no landed Patient, or no reference at all
-- Drops      all others
-- Caveat     a subject given by identifier only counts here too, and one on another server (foreign_subject)
-- Reference  FHIR Reference.identifier
SELECT
    r.site_id,
    CAST(NULL AS VARCHAR) AS arm,
    r.patient_id
FROM record AS r
ANTI JOIN person AS p ON r.site_id = p.site_id AND r.patient_id = p.patient_id;
