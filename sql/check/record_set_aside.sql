-- record_set_aside: other records that could not be used, of patients in the cohort.
--
-- Severity   warning
-- Grain      one row per set-aside resource
-- Reads      set_aside_record
-- Keeps      Encounter, Condition, Observation and AdverseEvent of a cohort patient
-- Drops      records of others; administrations (administration_set_aside)
-- Caveat     an exclusion, a state of severity, a value or an event may be among them
-- Reference  resource.fate says why; `rwe map --json` where
SELECT
    site_id,
    arm,
    patient_id
FROM set_aside_record
WHERE arm IS NOT NULL AND resource_type != 'MedicationAdministration';
