-- measurement: each recorded result of an endpoint's codes, in the endpoint's unit, and whether it is usable.
--
-- Grain      one row per cohort patient, endpoint and result (an Observation or one of its components)
-- Reads      cohort, observation, observation_component, endpoint, code_list, unit_conversion, study
-- Keeps      final, amended and corrected Observations; set_aside says why one cannot be used
-- Drops      other statuses: they are no results
-- Caveat     `<L` is the largest number below L and `>L` the smallest above it, so that ranks are right;
--            the product value × factor is made in decimals, for 2.11 must tie with 2110 mL
-- Reference  FHIR Observation.status, Quantity.comparator
CREATE OR REPLACE TABLE measurement AS
WITH result AS (
    SELECT
        site_id,
        patient_id,
        observation_id,
        -1 AS component,
        COALESCE(effective, effective_instant, effective_start) AS recorded,
        value,
        comparator,
        COALESCE(unit_code, unit) AS unit,
        system,
        code
    FROM observation
    WHERE status IN ('final', 'amended', 'corrected')
    UNION ALL
    SELECT
        site_id,
        patient_id,
        observation_id,
        component_index AS component,
        COALESCE(effective, effective_instant, effective_start) AS recorded,
        value,
        comparator,
        COALESCE(unit_code, unit) AS unit,
        system,
        code
    FROM observation_component
    WHERE status IN ('final', 'amended', 'corrected')
),

coded AS (
    SELECT DISTINCT
        r.site_id,
        r.patient_id,
        r.observation_id,
        r.component,
        r.recorded,
        r.value,
        r.comparator,
        r.unit,
        e.endpoint,
        e.unit AS endpoint_unit,
        e.low,
        e.high
    FROM result AS r
    INNER JOIN code_list AS c ON r.system = c.system AND r.code = c.code
    INNER JOIN endpoint AS e ON c.code_list = e.code_list
),

converted AS (
    SELECT
        c.*,
        u.factor,
        -- Beyond 17 digits before the point the decimal product overflows; such a value is implausible.
        COALESCE(TRY(CAST(c.value * u.factor AS DOUBLE)), CAST(c.value AS DOUBLE) * u.factor) AS in_unit,
        CASE WHEN LENGTH(c.recorded) > 10 THEN TRY_CAST(c.recorded AS TIMESTAMPTZ) END AS measured_at,
        CASE WHEN LENGTH(c.recorded) >= 10 THEN TRY_CAST(LEFT(c.recorded, 10) AS DATE) END AS measured_date
    FROM coded AS c
    LEFT JOIN unit_conversion AS u ON c.unit = u.from_unit AND c.endpoint_unit = u.to_unit
)

SELECT
    m.site_id,
    m.patient_id,
    h.arm,
    h.stratum,
    m.endpoint,
    m.observation_id,
    m.component,
    m.measured_at,
    m.measured_date,
    m.unit,
    m.endpoint_unit,
    m.factor,
    m.comparator,
    CASE m.comparator
        WHEN '<' THEN NEXTAFTER(m.in_unit, CAST('-inf' AS DOUBLE))
        WHEN '>' THEN NEXTAFTER(m.in_unit, CAST('inf' AS DOUBLE))
        ELSE m.in_unit
    END AS value,
    CASE
        WHEN s.days = 'instant' AND m.measured_at IS NOT NULL AND h.zero_at IS NOT NULL
            THEN (EPOCH_US(m.measured_at) - EPOCH_US(h.zero_at)) / 86400e6
        ELSE DATE_DIFF('day', h.zero_date, m.measured_date)
    END AS day,
    CASE
        WHEN m.value IS NULL THEN 'no_number'
        WHEN m.measured_date IS NULL THEN 'no_day'
        WHEN m.unit IS NULL THEN 'no_unit'
        WHEN m.factor IS NULL THEN 'unit_not_convertible'
        WHEN m.in_unit < m.low OR m.in_unit > m.high THEN 'implausible'
        WHEN COALESCE(m.measured_at > h.death_at, m.measured_date > h.death_date, FALSE) THEN 'after_death'
    END AS set_aside
FROM converted AS m
INNER JOIN cohort AS h ON m.site_id = h.site_id AND m.patient_id = h.patient_id
CROSS JOIN study AS s;
