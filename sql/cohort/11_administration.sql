-- administration: what was given, by whichever way the record names its product.
--
-- Grain      one row per MedicationAdministration and product code
-- Reads      medication_administration, medication, moment
-- Keeps      every status; a product named inline, by a contained or by a referenced Medication
-- Drops      product codes without a system
-- Caveat     a product that is only text, or a Medication that did not land or is another server's, has no
--            code: such a record has one row with a NULL code, and sql/check counts it
-- Reference  FHIR MedicationAdministration.medication[x] (R4), .medication (R5)
CREATE OR REPLACE TABLE administration AS
WITH product AS (
    SELECT
        site_id,
        medication_administration_id,
        system,
        code
    FROM medication_administration
    UNION
    SELECT
        site_id,
        medication_administration_id,
        contained_system,
        contained_code
    FROM medication_administration
    WHERE medication_reference = '#' || contained_id
    UNION
    SELECT
        a.site_id,
        a.medication_administration_id,
        m.system,
        m.code
    FROM medication_administration AS a
    INNER JOIN medication AS m ON a.site_id = m.site_id AND a.medication_id = m.medication_id
),

record AS (
    SELECT DISTINCT
        site_id,
        patient_id,
        medication_administration_id AS administration_id,
        status,
        COALESCE(effective, effective_start) AS recorded,
        effective_end AS recorded_end,
        dose_value,
        CASE
            WHEN COALESCE(dose_unit_system = 'http://unitsofmeasure.org', TRUE)
                THEN COALESCE(dose_unit_code, dose_unit)
            ELSE COALESCE(dose_unit, dose_unit_code)
        END AS dose_unit
    FROM medication_administration
)

SELECT
    r.site_id,
    r.patient_id,
    r.administration_id,
    r.status,
    r.dose_value,
    r.dose_unit,
    r.recorded,
    p.system,
    p.code,
    t.instant AS given_at,
    t.local_date AS given_date,
    COALESCE(e.instant < t.instant, e.to_date < t.from_date, FALSE) AS ends_before_start
FROM record AS r
LEFT JOIN moment AS t ON r.recorded = t.recorded
LEFT JOIN moment AS e ON r.recorded_end = e.recorded
LEFT JOIN product AS p
    ON
        r.site_id = p.site_id
        AND r.administration_id = p.medication_administration_id
        AND p.system IS NOT NULL
        AND p.code IS NOT NULL;
