-- coded_event: every dated record that carries a code of one of the study's lists.
--
-- Grain      one row per resource, element and code list
-- Reads      condition, encounter, observation, administration, code_list, moment
-- Keeps      confirmed Conditions (or with no verificationStatus), Encounters that took or take place,
--            Observations that are final, amended or corrected, administrations that may have happened
-- Drops      records without a subject
-- Caveat     happened_at is NULL where only a date is known, and happened_date, the local date as written,
--            where not even that is; a year or month is a range, happened_from to happened_to.  A
--            Condition's code happened at its onset, its severity and stage when they were recorded
-- Reference  FHIR value sets condition-ver-status, encounter-status, observation-status
CREATE OR REPLACE TABLE coded_event AS
WITH coding AS (
    SELECT
        site_id,
        patient_id,
        'condition' AS source,
        condition_id AS resource_id,
        'code' AS element,
        system,
        code,
        FALSE AS is_numeric,
        COALESCE(onset, onset_start, recorded_date) AS recorded
    FROM condition
    WHERE COALESCE(verification_status, 'confirmed') = 'confirmed'
    UNION ALL
    SELECT
        site_id,
        patient_id,
        'condition' AS source,
        condition_id AS resource_id,
        'severity' AS element,
        severity_system AS system,
        severity_code AS code,
        FALSE AS is_numeric,
        COALESCE(recorded_date, onset, onset_start) AS recorded
    FROM condition
    WHERE COALESCE(verification_status, 'confirmed') = 'confirmed'
    UNION ALL
    SELECT
        site_id,
        patient_id,
        'condition' AS source,
        condition_id AS resource_id,
        'stage' AS element,
        stage_system AS system,
        stage_code AS code,
        FALSE AS is_numeric,
        COALESCE(recorded_date, onset, onset_start) AS recorded
    FROM condition
    WHERE COALESCE(verification_status, 'confirmed') = 'confirmed'
    UNION ALL
    SELECT
        site_id,
        patient_id,
        'encounter' AS source,
        encounter_id AS resource_id,
        'code' AS element,
        system,
        code,
        FALSE AS is_numeric,
        period_start AS recorded
    FROM encounter
    WHERE status NOT IN ('planned', 'cancelled', 'entered-in-error', 'unknown')
    UNION ALL
    SELECT
        site_id,
        patient_id,
        'observation' AS source,
        observation_id AS resource_id,
        'code' AS element,
        system,
        code,
        value IS NOT NULL AS is_numeric,
        COALESCE(effective, effective_instant, effective_start) AS recorded
    FROM observation
    WHERE status IN ('final', 'amended', 'corrected')
    UNION ALL
    SELECT
        site_id,
        patient_id,
        'observation' AS source,
        observation_id AS resource_id,
        'value' AS element,
        value_concept_system AS system,
        value_concept_code AS code,
        FALSE AS is_numeric,
        COALESCE(effective, effective_instant, effective_start) AS recorded
    FROM observation
    WHERE status IN ('final', 'amended', 'corrected')
    UNION ALL
    SELECT
        site_id,
        patient_id,
        'medication_administration' AS source,
        administration_id AS resource_id,
        'code' AS element,
        system,
        code,
        FALSE AS is_numeric,
        recorded
    FROM administration
    WHERE status NOT IN ('not-done', 'entered-in-error')
)

SELECT DISTINCT
    e.site_id,
    e.patient_id,
    e.source,
    e.resource_id,
    e.element,
    c.code_list,
    e.is_numeric,
    t.instant AS happened_at,
    t.local_date AS happened_date,
    t.local_clock AS happened_clock,
    t.from_date AS happened_from,
    t.to_date AS happened_to
FROM coding AS e
INNER JOIN code_list AS c ON e.system = c.system AND e.code = c.code
LEFT JOIN moment AS t ON e.recorded = t.recorded
WHERE e.patient_id IS NOT NULL;
