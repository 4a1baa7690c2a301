-- attrition: from every patient landed to every patient analysed, step by step.
--
-- Grain      one row per step, site, arm and stratum with anyone in it
-- Reads      person, step, dropped, start, severity, cohort, study
-- Keeps      steps that left nobody out, with n_in = n_out; where future_treated is declared a last step in
--            which the treated who are controls too, until their own infusion, come to the controls
-- Drops      nothing; each start leaves at the first step that applies, its patient with the last of them
-- Caveat     arm and stratum are NULL until the step that decides on them; a step with several reasons is
--            a step for each, by name and numbered: arm_1, arm_2
-- Reference  STROBE item 13; RECORD item 13.1
CREATE OR REPLACE TABLE attrition AS
WITH start_left AS (
    SELECT
        site_id,
        patient_id,
        start_number,
        MIN(step_number) AS step_number,
        ARG_MIN(COALESCE(reason, ''), step_number) AS reason
    FROM dropped
    GROUP BY ALL
),

leaving AS (
    SELECT
        p.site_id,
        p.patient_id,
        z.arm,
        v.stratum,
        l.step_number,
        l.reason
    FROM person AS p
    LEFT JOIN start AS z ON p.site_id = z.site_id AND p.patient_id = z.patient_id
    LEFT JOIN severity AS v
        ON p.site_id = v.site_id AND p.patient_id = v.patient_id AND z.start_number = v.start_number
    LEFT JOIN start_left AS l
        ON
            p.site_id = l.site_id
            AND p.patient_id = l.patient_id
            AND COALESCE(z.start_number, 0) = COALESCE(l.start_number, 0)
    QUALIFY
        ROW_NUMBER() OVER (
            PARTITION BY p.site_id, p.patient_id
            ORDER BY l.step_number DESC NULLS FIRST, z.start_number ASC
        ) = 1
),

reason AS (
    SELECT DISTINCT
        step_number,
        reason
    FROM leaving
    WHERE step_number IS NOT NULL
),

part AS (
    SELECT
        s.step_number,
        CASE
            WHEN COUNT(*) OVER same > 1 THEN s.step || '_' || ROW_NUMBER() OVER (same ORDER BY r.reason)
            ELSE s.step
        END AS step,
        COALESCE(r.reason, '') AS reason,
        COALESCE(NULLIF(r.reason, ''), s.description) AS description,
        ROW_NUMBER() OVER (ORDER BY s.step_number, r.reason) AS number
    FROM step AS s
    LEFT JOIN reason AS r ON s.step_number = r.step_number
    WINDOW same AS (PARTITION BY s.step_number)
),

way AS (
    SELECT
        l.site_id,
        l.patient_id,
        l.arm,
        l.stratum,
        COALESCE(o.number, 9999) AS leaves_at
    FROM leaving AS l
    LEFT JOIN part AS o ON l.step_number = o.step_number AND l.reason = o.reason
),

decided AS (
    SELECT
        MIN(step_number) FILTER (WHERE step = 'arm') AS arm_step,
        MIN(step_number) FILTER (WHERE step = 'stratified') AS stratum_step
    FROM step
)

SELECT
    t.number,
    t.step,
    t.description,
    w.site_id,
    IF(t.step_number >= d.arm_step, w.arm, NULL) AS arm,
    IF(t.step_number >= COALESCE(d.stratum_step, d.arm_step), w.stratum, NULL) AS stratum,
    COUNT(*) AS n_in,
    COUNT(*) FILTER (WHERE w.leaves_at > t.number) AS n_out
FROM part AS t
CROSS JOIN decided AS d
INNER JOIN way AS w ON t.number <= w.leaves_at
GROUP BY ALL
UNION ALL
SELECT
    9999 AS number,
    'future_treated' AS step,
    'with the treated who are controls until their own infusion' AS description,
    h.site_id,
    h.arm,
    h.stratum,
    COUNT(*) FILTER (WHERE h.arm = 'treated' OR o.patient_id IS NULL) AS n_in,
    COUNT(*) AS n_out
FROM cohort AS h
INNER JOIN study AS s ON s.future_treated
LEFT JOIN cohort AS o
    ON h.site_id = o.site_id AND h.patient_id = o.patient_id AND h.arm != o.arm
GROUP BY ALL
ORDER BY 1, 4, 5 NULLS FIRST, 6 NULLS FIRST;
