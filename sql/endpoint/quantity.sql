-- quantity: the value of each numeric endpoint at each visit, or why there is none.
--
-- Grain      one row per cohort patient, arm, endpoint of kind quantity, and visit (baseline is one)
-- Reads      cohort, endpoint, visit, measurement, site
-- Keeps      at a visit the value nearest the target, of two equally near the earlier; at baseline the
--            last that is not after time zero; of one instant the mean of what was measured, and the
--            tighter limit where there are only limits
-- Drops      values set aside; values outside of every window
-- Caveat     `missing` is treated_later (a control, by now with an infusion), dead, set_aside,
--            window_not_reached or not_measured, in this order; set_aside is the reason of the value nearest
--            the target, of two equally near the first by name
-- Reference  windows are half-open [start, end) and do not overlap (rwe/study.py)
CREATE OR REPLACE TEMP VIEW quantity AS
WITH slot AS (
    SELECT
        h.site_id,
        h.patient_id,
        h.arm,
        h.stratum,
        h.zero_date,
        h.death_date,
        h.censor_date,
        e.endpoint,
        v.visit,
        v.end_day,
        v.is_baseline
    FROM cohort AS h
    CROSS JOIN endpoint AS e
    CROSS JOIN visit AS v
    WHERE e.kind = 'quantity'
),

inside AS (
    SELECT
        m.site_id,
        m.patient_id,
        m.arm,
        m.endpoint,
        v.visit,
        v.is_baseline,
        m.observation_id,
        m.measured_at,
        m.measured_date,
        m.value,
        m.comparator,
        m.set_aside,
        m.day,
        -- A day is a quotient of microseconds; nine decimals (86 µs) make equal distances equal.
        IF(v.is_baseline, -ROUND(m.day, 9), ROUND(ABS(m.day - v.target), 9)) AS distance
    FROM measurement AS m
    INNER JOIN cohort AS h
        ON m.site_id = h.site_id AND m.patient_id = h.patient_id AND m.arm = h.arm
    -- One CASE, for DuckDB sorts all results to join them by limits alone.
    INNER JOIN visit AS v
        ON CASE
            WHEN NOT v.is_baseline THEN m.day >= v.start_day AND m.day < v.end_day
            WHEN m.day < v.start_day OR m.day > v.end_day THEN FALSE
            WHEN m.measured_at IS NOT NULL AND h.zero_at IS NOT NULL THEN m.measured_at <= h.zero_at
            ELSE m.measured_date < h.zero_date OR v.same_day
        END
),

instant AS (
    SELECT
        site_id,
        patient_id,
        arm,
        endpoint,
        visit,
        distance,
        ROUND(day, 9) AS day,
        -- Days may be of dates; within one, values with a time of day are still told apart.
        IF(is_baseline, -EPOCH_US(measured_at), EPOCH_US(measured_at)) AS turn,
        comparator IS NOT NULL AS is_limit,
        CASE LEFT(MIN(comparator), 1)
            WHEN '<' THEN MIN(value)
            WHEN '>' THEN MAX(value)
            ELSE LIST_AVG(LIST_SORT(LIST(value)))
        END AS value,
        MIN(comparator) AS comparator,
        MIN(observation_id) AS observation_id,
        MIN(measured_date) AS measured_date
    FROM inside
    WHERE set_aside IS NULL
    GROUP BY ALL
),

chosen AS (
    SELECT
        site_id,
        patient_id,
        arm,
        endpoint,
        visit,
        -- Within a ROW, NULL comes last.
        ARG_MIN(
            STRUCT_PACK(
                value := value,
                comparator := comparator,
                observation_id := observation_id,
                measured_date := measured_date
            ),
            ROW(distance, day, turn, is_limit)
        ) AS nearest
    FROM instant
    GROUP BY ALL
),

tried AS (
    SELECT
        site_id,
        patient_id,
        arm,
        endpoint,
        visit,
        ARG_MIN(set_aside, (distance, set_aside)) AS set_aside
    FROM inside
    WHERE set_aside IS NOT NULL
    GROUP BY ALL
)

SELECT
    l.site_id,
    l.patient_id,
    l.arm,
    l.stratum,
    l.endpoint,
    l.visit,
    l.is_baseline,
    STRUCT_EXTRACT(c.nearest, 'value') AS value,
    STRUCT_EXTRACT(c.nearest, 'comparator') AS comparator,
    STRUCT_EXTRACT(c.nearest, 'observation_id') AS observation_id,
    STRUCT_EXTRACT(c.nearest, 'measured_date') AS measured_date,
    CASE
        WHEN value IS NOT NULL THEN NULL
        WHEN DATE_DIFF('day', l.zero_date, l.censor_date) < l.end_day THEN 'treated_later'
        WHEN DATE_DIFF('day', l.zero_date, l.death_date) < l.end_day THEN 'dead'
        WHEN t.patient_id IS NOT NULL THEN 'set_aside'
        WHEN TRY_CAST(LEFT(o.pulled_at, 10) AS DATE) < l.zero_date + CAST(CEIL(l.end_day) AS INTEGER)
            THEN 'window_not_reached'
        ELSE 'not_measured'
    END AS missing,
    IF(missing = 'set_aside', t.set_aside, NULL) AS set_aside
FROM slot AS l
INNER JOIN site AS o ON l.site_id = o.site_id
LEFT JOIN chosen AS c
    ON
        l.site_id = c.site_id
        AND l.patient_id = c.patient_id
        AND l.arm = c.arm
        AND l.endpoint = c.endpoint
        AND l.visit = c.visit
LEFT JOIN tried AS t
    ON
        l.site_id = t.site_id
        AND l.patient_id = t.patient_id
        AND l.arm = t.arm
        AND l.endpoint = t.endpoint
        AND l.visit = t.visit;
