-- unknown_patient: records of a patient who did not land, or of nobody.
--
-- Severity   warning
-- Grain      one row per record
-- Reads      encounter, observation, condition, medication_administration, adverse_event, person
-- Keeps      records whose subject is no landed Patient, or no reference at all
-- Drops      all others
-- Caveat     a subject given by identifier only counts here too
-- Reference  FHIR Reference.identifier
WITH record AS (
    SELECT DISTINCT
        site_id,
        patient_id,
        encounter_id AS id
    FROM encounter
    UNION ALL
    SELECT DISTINCT
        site_id,
        patient_id,
        observation_id AS id
    FROM observation
    UNION ALL
    SELECT DISTINCT
        site_id,
        patient_id,
        condition_id AS id
    FROM condition
    UNION ALL
    SELECT DISTINCT
        site_id,
        patient_id,
        medication_administration_id AS id
    FROM medication_administration
    UNION ALL
    SELECT DISTINCT
        site_id,
        patient_id,
        adverse_event_id AS id
    FROM adverse_event
)

SELECT
    r.site_id,
    CAST(NULL AS VARCHAR) AS arm,
    r.patient_id
FROM record AS r
ANTI JOIN person AS p ON r.site_id = p.site_id AND r.patient_id = p.patient_id;
