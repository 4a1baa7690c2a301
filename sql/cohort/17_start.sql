-- start: each time zero from which a candidate could be followed, in which arm, and what would end it.
--
-- Grain      one row per patient with an anchor and possible time zero (site_id, patient_id, start_number)
-- Reads      time_zero, risk_set, study
-- Keeps      the patient's own start (number 0), treated or with no arm; of a candidate control each of its
--            starts from 1 on: of a risk set all, in the order of time.  censor_at, censor_date: of a control
--            who is treated later, the own infusion that ends its time as a control
-- Drops      nobody: who is in no risk set has no arm, and no_arm says so
-- Caveat     a patient leaves with the last of its starts (31_attrition.sql); 29_drawn.sql leaves one at most
--            of a control; who is treated later may stay in both arms
-- Reference  15_time_zero.sql, 16_risk_set.sql; Hernán MA, Robins JM. Am J Epidemiol 2016;183:758-64
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
    IF(z.arm = 'control', 1, 0) AS start_number,
    z.anchor_at,
    z.anchor_date,
    CASE
        WHEN z.arm IS NOT NULL AND z.zero_date IS NULL
            THEN
                'in no risk set: no treated patient of the site within '
                || s.calendar_days || ' days by the calendar'
        ELSE z.no_arm
    END AS no_arm,
    IF(z.zero_date IS NOT NULL, z.arm, NULL) AS arm,
    z.zero_at,
    z.zero_date,
    CAST(NULL AS TIMESTAMPTZ) AS censor_at,
    CAST(NULL AS DATE) AS censor_date
FROM time_zero AS z
CROSS JOIN study AS s
ANTI JOIN candidate_start AS c
    ON z.site_id = c.site_id AND z.patient_id = c.patient_id AND z.arm = 'control'
UNION ALL
SELECT
    z.site_id,
    z.patient_id,
    c.start_number,
    z.anchor_at,
    z.anchor_date,
    NULL AS no_arm,
    'control' AS arm,
    c.zero_at,
    c.zero_date,
    z.given_at AS censor_at,
    z.given_date AS censor_date
FROM time_zero AS z
INNER JOIN candidate_start AS c ON z.site_id = c.site_id AND z.patient_id = c.patient_id;
