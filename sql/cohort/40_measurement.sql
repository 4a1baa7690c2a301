-- measurement: each recorded result of an endpoint's codes, in the endpoint's unit, and whether it is usable.
--
-- Grain      one row per cohort patient, arm, endpoint and result (an Observation or one of its components)
-- Reads      cohort, person, result, contradiction, unit_conversion, study
-- Keeps      every result, with what was recorded beside what it is in the endpoint's unit; set_aside says
--            why one cannot be used
-- Drops      results of others than the cohort; of a control who is treated later, those from the own
--            infusion on
-- Caveat     `<L` is the largest number below L and `>L` the smallest above it, so that ranks are right;
--            the product value × factor is made in decimals, for 2.11 must tie with 2110 mL; a number
--            that the decimal type cannot hold is set aside
-- Reference  FHIR Quantity.comparator; rwe/units for what a unit is in another
CREATE OR REPLACE TABLE measurement AS
WITH converted AS (
    SELECT
        r.*,
        u.factor,
        u.addend,
        u.divisor,
        CASE WHEN r.unit IS NULL AND r.read_unit IS NOT NULL THEN 'default' ELSE u.how END AS how,
        COALESCE(u.how = 'other_dimension', FALSE) AS other_dimension,
        -- Beyond 17 digits before the point the decimal product overflows; such a value is implausible.
        COALESCE(
            TRY(CAST(r.value * u.factor + u.addend AS DOUBLE)),
            CAST(r.value AS DOUBLE) * u.factor + u.addend
        ) / u.divisor AS in_unit,
        k.reason AS contradiction,
        CASE WHEN LENGTH(r.recorded) > 10 THEN TRY_CAST(r.recorded AS TIMESTAMPTZ) END AS measured_at,
        CASE WHEN LENGTH(r.recorded) >= 10 THEN TRY_CAST(LEFT(r.recorded, 10) AS DATE) END AS measured_date
    FROM result AS r
    LEFT JOIN unit_conversion AS u ON r.read_unit = u.from_unit AND r.endpoint_unit = u.to_unit
    LEFT JOIN contradiction AS k
        ON r.site_id = k.site_id AND r.observation_id = k.observation_id AND r.component = k.component
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
    m.system,
    m.code,
    m.display,
    m.value AS recorded_value,
    m.comparator,
    m.unit,
    m.unit_text,
    m.read_unit,
    m.endpoint_unit,
    m.factor,
    m.addend,
    m.divisor,
    m.how,
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
        WHEN m.value IS NULL AND m.value_text IS NULL THEN 'no_number'
        WHEN m.value IS NULL OR (m.value = 0 AND CAST(m.value_text AS DOUBLE) != 0) THEN 'not_representable'
        WHEN m.comparator NOT IN ('<', '<=', '>=', '>') THEN 'odd_comparator'
        WHEN m.measured_date IS NULL THEN 'no_day'
        WHEN m.contradiction IS NOT NULL THEN m.contradiction
        WHEN m.read_unit IS NULL THEN 'no_unit'
        WHEN m.other_dimension THEN 'unit_contradicts'
        WHEN m.factor IS NULL THEN 'unit_not_convertible'
        WHEN m.read_unit = '%' AND m.in_unit <= m.ratio_up_to THEN 'ratio_as_percent'
        WHEN m.in_unit < m.low OR m.in_unit > m.high THEN 'implausible'
        WHEN m.measured_date < p.birth_from THEN 'before_birth'
        WHEN COALESCE(m.measured_at > h.death_at, m.measured_date > h.death_date, FALSE) THEN 'after_death'
    END AS set_aside
FROM converted AS m
INNER JOIN cohort AS h ON m.site_id = h.site_id AND m.patient_id = h.patient_id
LEFT JOIN person AS p ON m.site_id = p.site_id AND m.patient_id = p.patient_id
CROSS JOIN study AS s
WHERE COALESCE(m.measured_at < h.censor_at, m.measured_date < h.censor_date, TRUE);
