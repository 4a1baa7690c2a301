-- history: was each covariate of the study recorded of each patient up to time zero?
--
-- Grain      one row per cohort patient, arm and covariate (site_id, patient_id, arm, covariate)
-- Reads      cohort, covariate, coded_event
-- Keeps      records up to time zero itself, by the instant where both times are known, within the look-back
-- Drops      records after time zero: they may be its consequence; records without a date
-- Caveat     no record is taken for no.  A record with a date only counts on the day of time zero, as a
--            severity does; one with a year or month only, when all of it is past
-- Reference  VanderWeele TJ. Eur J Epidemiol 2019;34:211-9 (adjust for causes of treatment known before it)
CREATE OR REPLACE TABLE history AS
WITH recorded AS (
    SELECT DISTINCT
        h.site_id,
        h.patient_id,
        h.arm,
        v.covariate
    FROM cohort AS h
    INNER JOIN coded_event AS e ON h.site_id = e.site_id AND h.patient_id = e.patient_id
    INNER JOIN covariate AS v ON e.source = v.source AND e.code_list = v.code_list
    WHERE
        e.element = 'code'
        AND COALESCE(e.happened_at <= h.zero_at, e.happened_to <= h.zero_date)
        AND (v.lookback_days IS NULL OR DATE_DIFF('day', e.happened_from, h.zero_date) <= v.lookback_days)
),

asked AS (
    SELECT DISTINCT covariate
    FROM covariate
)

SELECT
    h.site_id,
    h.patient_id,
    h.arm,
    a.covariate,
    r.covariate IS NOT NULL AS is_recorded
FROM cohort AS h
CROSS JOIN asked AS a
LEFT JOIN recorded AS r
    ON
        h.site_id = r.site_id
        AND h.patient_id = r.patient_id
        AND h.arm = r.arm
        AND a.covariate = r.covariate;
