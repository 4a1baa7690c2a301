-- cohort: who is analysed, in which arm and stratum, from when.
--
-- Grain      one row per patient and arm (site_id, patient_id, arm); in both arms is only who was drawn as a
--            control before the own infusion
-- Reads      start, severity, person, infusion, dropped, study
-- Keeps      patients of whom the steps left a start
-- Drops      all in `dropped`
-- Caveat     censor_at, censor_date end the time as a control of who is treated later; age_years has decimals
--            (days / 365.25) and takes the middle of a partial birth date
-- Reference  attrition (31_attrition.sql) ends with these patients
CREATE OR REPLACE TABLE cohort AS
WITH counted AS (
    SELECT
        site_id,
        patient_id,
        COUNT(*) AS n_infusions
    FROM infusion
    WHERE verdict = 'counts'
    GROUP BY ALL
)

SELECT
    z.site_id,
    z.patient_id,
    z.arm,
    v.stratum,
    z.zero_at,
    z.zero_date,
    p.sex,
    p.deceased,
    p.death_at,
    p.death_date,
    z.censor_at,
    z.censor_date,
    IF(z.arm = 'treated', COALESCE(c.n_infusions, 0), 0) AS n_infusions,
    (DATE_DIFF('day', p.birth_from, z.zero_date) + DATE_DIFF('day', p.birth_to, z.zero_date)) / 2 / 365.25
        AS age_years,
    CASE
        WHEN s.days = 'instant' AND z.zero_at IS NOT NULL AND z.anchor_at IS NOT NULL
            THEN (EPOCH_US(z.zero_at) - EPOCH_US(z.anchor_at)) / 86400e6
        ELSE DATE_DIFF('day', z.anchor_date, z.zero_date)
    END AS days_from_anchor
FROM start AS z
CROSS JOIN study AS s
INNER JOIN severity AS v
    ON z.site_id = v.site_id AND z.patient_id = v.patient_id AND z.start_number = v.start_number
INNER JOIN person AS p ON z.site_id = p.site_id AND z.patient_id = p.patient_id
LEFT JOIN counted AS c ON z.site_id = c.site_id AND z.patient_id = c.patient_id
ANTI JOIN dropped AS d
    ON z.site_id = d.site_id AND z.patient_id = d.patient_id AND z.start_number = d.start_number
WHERE z.arm IS NOT NULL AND v.stratum IS NOT NULL
ORDER BY z.site_id, z.patient_id, z.arm;
