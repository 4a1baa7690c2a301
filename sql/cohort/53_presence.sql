-- presence: who could have been measured at each visit, whatever the endpoint.
--
-- Grain      one row per cohort patient, arm and visit
-- Reads      cohort, visit, contact
-- Keeps      seen: a contact within the window and not after death; alive: when the window opens, and of a
--            control not yet treated; lost: no
--            contact from then on
-- Drops      the baseline, which has no window after time zero
-- Caveat     a withdrawal or transfer is seen only as silence, and a death without a day not at all; a stay
--            is a contact on its first and last day only
-- Reference  CONSORT 2010 item 13b: losses after time zero, with reasons
CREATE OR REPLACE TABLE presence AS
WITH last_met AS (
    SELECT
        site_id,
        patient_id,
        arm,
        MAX(day) AS day
    FROM contact
    WHERE NOT after_death
    GROUP BY ALL
),

met AS (
    SELECT DISTINCT
        c.site_id,
        c.patient_id,
        c.arm,
        v.visit
    FROM contact AS c
    INNER JOIN visit AS v ON c.day >= v.start_day AND c.day < v.end_day
    WHERE NOT c.after_death
)

SELECT
    h.site_id,
    h.patient_id,
    h.arm,
    h.stratum,
    v.visit,
    m.visit IS NOT NULL AS seen,
    m.visit IS NOT NULL
    OR (
        COALESCE(DATE_DIFF('day', h.zero_date, h.death_date) >= v.start_day, TRUE)
        AND COALESCE(DATE_DIFF('day', h.zero_date, h.censor_date) >= v.start_day, TRUE)
    ) AS alive,
    COALESCE(l.day < v.start_day, TRUE) AND v.start_day > 0 AS lost
FROM cohort AS h
CROSS JOIN visit AS v
LEFT JOIN last_met AS l ON h.site_id = l.site_id AND h.patient_id = l.patient_id AND h.arm = l.arm
LEFT JOIN met AS m
    ON
        h.site_id = m.site_id
        AND h.patient_id = m.patient_id
        AND h.arm = m.arm
        AND v.visit = m.visit
WHERE NOT v.is_baseline;
