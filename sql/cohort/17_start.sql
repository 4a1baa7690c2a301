-- start: each time zero from which a candidate could be followed.
--
-- Grain      one row per patient with an anchor and possible time zero (site_id, patient_id, start_number)
-- Reads      time_zero, risk_set, study
-- Keeps      one start a patient; of a risk set's candidates all, in the order of time
-- Drops      nobody: who is in no risk set has no arm, and no_arm says so
-- Caveat     a patient leaves with the last of its starts (31_attrition.sql); 29_drawn.sql leaves one at most
-- Reference  15_time_zero.sql, 16_risk_set.sql
CREATE OR REPLACE TABLE start AS
WITH candidate_start AS (
    SELECT DISTINCT
        site_id,
        patient_id,
        start_number,
        zero_at,
        zero_date
    FROM risk_set
)

SELECT
    z.site_id,
    z.patient_id,
    COALESCE(c.start_number, 1) AS start_number,
    z.anchor_at,
    z.anchor_date,
    CASE
        WHEN z.arm IS NOT NULL AND COALESCE(z.zero_date, c.zero_date) IS NULL
            THEN
                'in no risk set: no treated patient of the site within '
                || s.calendar_days || ' days by the calendar'
        ELSE z.no_arm
    END AS no_arm,
    CASE WHEN COALESCE(z.zero_date, c.zero_date) IS NOT NULL THEN z.arm END AS arm,
    IF(c.patient_id IS NULL, z.zero_at, c.zero_at) AS zero_at,
    COALESCE(z.zero_date, c.zero_date) AS zero_date
FROM time_zero AS z
CROSS JOIN study AS s
LEFT JOIN candidate_start AS c ON z.site_id = c.site_id AND z.patient_id = c.patient_id;
