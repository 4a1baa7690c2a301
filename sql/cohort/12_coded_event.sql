-- coded_event: every dated record that carries a code which decides who is in, or is a covariate's.
--
-- Grain      one row per resource, element and code list
-- Reads      condition, encounter, observation, administration, code_list, study, exclusion, carrier,
--            stratum, covariate, moment
-- Keeps      confirmed Conditions (or with no verificationStatus), Encounters that took or take place,
--            Observations that are final, amended or corrected, administrations that may have happened
-- Drops      records without a subject; codes of other lists, such as an endpoint's
-- Caveat     happened_at is NULL where only a date is known, and happened_date, the local date as written,
--            where not even that is; a year or month is a range, happened_from to happened_to.  A
--            Condition's code happened at its onset, its severity and stage when they were recorded
-- Reference  FHIR value sets condition-ver-status, encounter-status, observation-status
CREATE OR REPLACE TABLE coded_event AS
WITH deciding AS (
    SELECT UNNEST([population_codes, control_codes]) AS code_list
    FROM study
    UNION
    SELECT code_list
    FROM exclusion
    UNION
    SELECT code_list
    FROM carrier
    UNION
    SELECT code_list
    FROM stratum
    UNION
    SELECT code_list
    FROM covariate
),

wanted AS (
    SELECT
        c.code_list,
        c.system,
        c.code
    FROM code_list AS c
    SEMI JOIN deciding AS d ON c.code_list = d.code_list
),

coding AS (
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
INNER JOIN wanted AS c ON e.system = c.system AND e.code = c.code
LEFT JOIN moment AS t ON e.recorded = t.recorded
WHERE e.patient_id IS NOT NULL;
