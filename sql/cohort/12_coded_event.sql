-- coded_event: every dated record that carries a code of one of the study's lists.
--
-- Grain      one row per resource, element and code list
-- Reads      condition, encounter, observation, administration, code_list
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
),

dated AS (
    SELECT
        * EXCLUDE (recorded),
        LENGTH(recorded) AS precision,
        CASE WHEN LENGTH(recorded) > 10 THEN TRY_CAST(recorded AS TIMESTAMPTZ) END AS happened_at,
        TRY_CAST(RPAD(LEFT(recorded, 10), 10, '-01-01') AS DATE) AS happened_from
    FROM coding
)

SELECT DISTINCT
    d.site_id,
    d.patient_id,
    d.source,
    d.resource_id,
    d.element,
    c.code_list,
    d.is_numeric,
    d.happened_at,
    CASE WHEN d.precision >= 10 THEN d.happened_from END AS happened_date,
    d.happened_from,
    CAST(
        CASE d.precision
            WHEN 4 THEN d.happened_from + INTERVAL 1 YEAR - INTERVAL 1 DAY
            WHEN 7 THEN LAST_DAY(d.happened_from)
            ELSE d.happened_from
        END AS DATE
    ) AS happened_to
FROM dated AS d
INNER JOIN code_list AS c ON d.system = c.system AND d.code = c.code
WHERE d.patient_id IS NOT NULL;
