-- record: what is recorded of a patient, and how its subject is named.
--
-- Grain      one row per resource (site_id, resource_type, id)
-- Reads      encounter, observation, condition, medication_administration, adverse_event
-- Keeps      all of them, also those with no subject
-- Drops      nothing
-- Caveat     patient_id is NULL where the subject is no reference to a Patient of this site
-- Reference  FHIR Reference
CREATE OR REPLACE TABLE record AS
SELECT DISTINCT
    site_id,
    'Encounter' AS resource_type,
    encounter_id AS id,
    patient_id,
    subject_reference
FROM encounter
UNION ALL
SELECT DISTINCT
    site_id,
    'Observation' AS resource_type,
    observation_id AS id,
    patient_id,
    subject_reference
FROM observation
UNION ALL
SELECT DISTINCT
    site_id,
    'Condition' AS resource_type,
    condition_id AS id,
    patient_id,
    subject_reference
FROM condition
UNION ALL
SELECT DISTINCT
    site_id,
    'MedicationAdministration' AS resource_type,
    medication_administration_id AS id,
    patient_id,
    subject_reference
FROM medication_administration
UNION ALL
SELECT DISTINCT
    site_id,
    'AdverseEvent' AS resource_type,
    adverse_event_id AS id,
    patient_id,
    subject_reference
FROM adverse_event;
