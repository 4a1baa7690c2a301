-- stray_record: what is recorded of nobody who landed, and how its subject is named.
--
-- Grain      one row per resource (site_id, resource_type, id)
-- Reads      encounter, observation, condition, medication_administration, adverse_event, person
-- Keeps      those of a Patient who did not land, and those with no subject
-- Drops      those of a Patient who landed
-- Caveat     patient_id is NULL where the subject is no reference to a Patient of this site
-- Reference  FHIR Reference
CREATE OR REPLACE TABLE stray_record AS
WITH record AS (
    SELECT
        site_id,
        'Encounter' AS resource_type,
        encounter_id AS id,
        patient_id,
        subject_reference
    FROM encounter
    UNION ALL
    SELECT
        site_id,
        'Observation' AS resource_type,
        observation_id AS id,
        patient_id,
        subject_reference
    FROM observation
    UNION ALL
    SELECT
        site_id,
        'Condition' AS resource_type,
        condition_id AS id,
        patient_id,
        subject_reference
    FROM condition
    UNION ALL
    SELECT
        site_id,
        'MedicationAdministration' AS resource_type,
        medication_administration_id AS id,
        patient_id,
        subject_reference
    FROM medication_administration
    UNION ALL
    SELECT
        site_id,
        'AdverseEvent' AS resource_type,
        adverse_event_id AS id,
        patient_id,
        subject_reference
    FROM adverse_event
)

SELECT DISTINCT
    r.site_id,
    r.resource_type,
    r.id,
    r.patient_id,
    r.subject_reference
FROM record AS r
ANTI JOIN person AS p ON r.site_id = p.site_id AND r.patient_id = p.patient_id;
