-- drawn: leaves out candidates whom no treated patient drew as a control.
--
-- Step       drawn as a control
-- When       control_time_zero = 'risk-set'
-- Grain      one row per start left out (site_id, patient_id, start_number, reason)
-- Reads      start, draw
-- Keeps      of a control the start it was drawn with, the earliest where several treated patients drew it
-- Drops      its other starts; candidates who were eligible beside nobody of their stratum, or not drawn
-- Caveat     a control drawn more than once, with replacement, is one patient of the cohort, once
-- Reference  28_draw.sql
CREATE OR REPLACE TABLE drawn AS
WITH candidate AS (
    SELECT
        site_id,
        patient_id,
        MIN(start_number) FILTER (WHERE is_drawn) AS start_number
    FROM draw
    GROUP BY ALL
)

SELECT
    z.site_id,
    z.patient_id,
    z.start_number,
    IF(
        c.patient_id IS NULL,
        'at no time zero eligible beside a treated patient of the same stratum',
        'eligible as a control, but not drawn'
    ) AS reason
FROM start AS z
LEFT JOIN candidate AS c ON z.site_id = c.site_id AND z.patient_id = c.patient_id
WHERE z.arm = 'control' AND COALESCE(z.start_number != c.start_number, TRUE);
