-- recorded_code: what each site really records, code by code and unit by unit.
--
-- Grain      one row per site, resource type, system, code and unit
-- Reads      observation, observation_component, condition, encounter, adverse_event, medication,
--            medication_administration
-- Keeps      every status; resources without a code by their text, with a NULL code; an administration by
--            the product it names inline, contained or by reference
-- Drops      nothing
-- Caveat     a resource with two codings counts under both; low, high and unit are of the dose for an
--            administration, of the value else; numbers of few patients: not to leave the site
-- Reference  rwe codes
CREATE OR REPLACE TEMP TABLE recorded_code AS
WITH given AS (
    SELECT DISTINCT
        site_id,
        medication_administration_id,
        patient_id,
        medication_id,
        medication_reference,
        COALESCE(dose_unit_code, dose_unit) AS unit,
        dose_value AS value,
        COALESCE(effective, effective_start) AS recorded
    FROM medication_administration
),

product AS (
    SELECT
        site_id,
        medication_administration_id,
        system,
        code,
        COALESCE(display, text) AS display
    FROM medication_administration
    UNION
    SELECT
        site_id,
        medication_administration_id,
        contained_system AS system,
        contained_code AS code,
        contained_display AS display
    FROM medication_administration
    WHERE medication_reference = '#' || contained_id
    UNION
    SELECT
        g.site_id,
        g.medication_administration_id,
        m.system,
        m.code,
        COALESCE(m.display, m.text) AS display
    FROM given AS g
    INNER JOIN medication AS m ON g.site_id = m.site_id AND g.medication_id = m.medication_id
),

coded AS (
    SELECT
        site_id,
        'Observation' AS resource_type,
        observation_id AS id,
        patient_id,
        system,
        code,
        COALESCE(display, text) AS display,
        COALESCE(unit_code, unit) AS unit,
        value,
        COALESCE(effective, effective_instant, effective_start) AS recorded
    FROM observation
    UNION
    SELECT
        site_id,
        'Observation.component' AS resource_type,
        observation_id || '#' || component_index AS id,
        patient_id,
        system,
        code,
        COALESCE(display, text) AS display,
        COALESCE(unit_code, unit) AS unit,
        value,
        COALESCE(effective, effective_instant, effective_start) AS recorded
    FROM observation_component
    UNION
    SELECT
        site_id,
        'Condition' AS resource_type,
        condition_id AS id,
        patient_id,
        system,
        code,
        COALESCE(display, text) AS display,
        NULL AS unit,
        NULL AS value,
        COALESCE(onset, onset_start, recorded_date) AS recorded
    FROM condition
    UNION
    SELECT
        site_id,
        'Encounter' AS resource_type,
        encounter_id AS id,
        patient_id,
        system,
        code,
        display,
        NULL AS unit,
        NULL AS value,
        period_start AS recorded
    FROM encounter
    UNION
    SELECT
        site_id,
        'AdverseEvent' AS resource_type,
        adverse_event_id AS id,
        patient_id,
        system,
        code,
        COALESCE(display, text) AS display,
        NULL AS unit,
        NULL AS value,
        COALESCE(occurrence, occurrence_start, detected, recorded_date) AS recorded
    FROM adverse_event
    UNION
    SELECT
        site_id,
        'Medication' AS resource_type,
        medication_id AS id,
        NULL AS patient_id,
        system,
        code,
        COALESCE(display, text) AS display,
        NULL AS unit,
        NULL AS value,
        NULL AS recorded
    FROM medication
    UNION
    SELECT
        g.site_id,
        'MedicationAdministration' AS resource_type,
        g.medication_administration_id AS id,
        g.patient_id,
        p.system,
        p.code,
        p.display,
        g.unit,
        g.value,
        g.recorded
    FROM given AS g
    LEFT JOIN product AS p
        ON
            g.site_id = p.site_id
            AND g.medication_administration_id = p.medication_administration_id
            AND (p.code IS NOT NULL OR p.display IS NOT NULL)
)

SELECT
    site_id,
    resource_type,
    system,
    code,
    MODE(display ORDER BY display) AS display,
    COUNT(DISTINCT display) AS displays,
    unit,
    COUNT(DISTINCT id) AS n,
    COUNT(DISTINCT patient_id) AS patients,
    CAST(MIN(value) AS DOUBLE) AS low,
    CAST(MAX(value) AS DOUBLE) AS high,
    MIN(LEFT(recorded, 10)) AS first_day,
    MAX(LEFT(recorded, 10)) AS last_day
FROM coded
-- Without a code the text is all there is to tell one thing from another.
GROUP BY site_id, resource_type, system, code, unit, IF(code IS NULL, display, NULL)
ORDER BY site_id ASC, resource_type ASC, n DESC, system ASC, code ASC, display ASC, unit ASC;
