-- way_start: the start by which each patient stays in the study, or is the last to leave it.
--
-- Grain      one row per patient with an anchor (site_id, patient_id); two of who is in both arms
-- Reads      start, dropped
-- Keeps      of several starts those in the cohort, else the one that came farthest, of two the earlier
-- Drops      the other starts of a candidate of a risk set
-- Caveat     the attrition counts a patient by the same start
-- Reference  rwe why; 17_start.sql, 31_attrition.sql
CREATE OR REPLACE TEMP TABLE way_start AS
WITH start_left AS (
    SELECT
        site_id,
        patient_id,
        start_number,
        MIN(step_number) AS step_number
    FROM dropped
    GROUP BY ALL
)

SELECT
    z.site_id,
    z.patient_id,
    z.start_number,
    z.arm,
    z.no_arm,
    z.anchor_at,
    z.anchor_date,
    z.zero_at,
    z.zero_date,
    z.censor_at,
    z.censor_date
FROM start AS z
LEFT JOIN start_left AS l
    ON z.site_id = l.site_id AND z.patient_id = l.patient_id AND z.start_number = l.start_number
QUALIFY
    (z.arm IS NOT NULL AND l.step_number IS NULL)
    OR ROW_NUMBER() OVER (
        PARTITION BY z.site_id, z.patient_id ORDER BY l.step_number DESC NULLS FIRST, z.start_number ASC
    ) = 1;
