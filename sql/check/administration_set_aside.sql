-- administration_set_aside: administrations that could not be used; any may be the study's product.
--
-- Severity   error
-- Grain      one row per set-aside MedicationAdministration
-- Reads      set_aside_record
-- Keeps      all of them, with the arm of their patient where one is known
-- Drops      nothing
-- Caveat     a control here may have been treated, and a treated patient may have a wrong time zero
-- Reference  resource.fate says why; `rwe map --json` where
SELECT
    site_id,
    arm,
    patient_id
FROM set_aside_record
WHERE resource_type = 'MedicationAdministration';
