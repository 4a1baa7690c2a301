-- used_value: the value of each endpoint at each visit, or why there is none, with what was set aside.
--
-- Grain      one row per cohort patient, arm, endpoint and visit (baseline is one)
-- Reads      endpoint_value, endpoint, visit, measurement
-- Keeps      all of endpoint_value
-- Drops      nothing
-- Caveat     not_used names results in the visit's window that were set aside, also beside a value; whoever
--            reads it reads outcomes
-- Reference  rwe why; sql/endpoint has the rules
CREATE OR REPLACE TEMP TABLE used_value AS
WITH aside AS (
    SELECT
        m.site_id,
        m.patient_id,
        m.arm,
        m.endpoint,
        v.visit,
        STRING_AGG(
            'Observation/' || m.observation_id || ': ' || m.set_aside, '; '
            ORDER BY m.observation_id, m.component
        ) AS not_used
    FROM measurement AS m
    INNER JOIN visit AS v
        ON
            m.day >= v.start_day
            AND (m.day < v.end_day OR (v.is_baseline AND m.day = v.end_day))
    WHERE m.set_aside IS NOT NULL
    GROUP BY m.site_id, m.patient_id, m.arm, m.endpoint, v.visit
)

SELECT
    u.site_id,
    u.patient_id,
    u.arm,
    u.endpoint,
    u.visit,
    u.value,
    u.comparator,
    e.unit,
    'Observation/' || u.observation_id AS reference,
    CAST(u.measured_date AS VARCHAR) AS measured,
    u.missing,
    a.not_used
FROM endpoint_value AS u
INNER JOIN endpoint AS e ON u.endpoint = e.endpoint
INNER JOIN visit AS v ON u.visit = v.visit
LEFT JOIN aside AS a
    ON
        u.site_id = a.site_id
        AND u.patient_id = a.patient_id
        AND u.arm = a.arm
        AND u.endpoint = a.endpoint
        AND u.visit = a.visit
ORDER BY u.arm DESC, e.number ASC, v.number ASC;
