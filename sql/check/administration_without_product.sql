-- administration_without_product: administrations whose product has no code.
--
-- Severity   warning
-- Grain      one row per administration
-- Reads      administration
-- Keeps      administrations with no coded product, inline, contained or referenced
-- Drops      not-done and entered-in-error
-- Caveat     any of them may be the study's product: see that the Medications have landed
-- Reference  FHIR MedicationAdministration.medication[x]
SELECT
    site_id,
    CAST(NULL AS VARCHAR) AS arm,
    patient_id
FROM administration
WHERE code IS NULL AND status NOT IN ('not-done', 'entered-in-error');
