-- off_schedule: treated patients with an infusion that was not given on its planned day.
--
-- Grain      one row per treated patient of the cohort with such an infusion (site_id, patient_id)
-- Reads      cohort, infusion, planned_day, study
-- Keeps      the first infusion that counts against the first planned day, and so on; more than days_within
--            calendar days apart, from time zero
-- Drops      infusions beyond the planned ones, and planned ones that are missing: infusions_not_as_planned
--            has both; all where the study declares no days
-- Caveat     local dates, as a protocol counts its days; nobody leaves the analysis for it
-- Reference  13_infusion.sql; per protocol in rwe/steps/variants.py
CREATE OR REPLACE TABLE off_schedule AS
WITH given AS (
    SELECT
        h.site_id,
        h.patient_id,
        DATE_DIFF('day', h.zero_date, i.given_date) AS day,
        ROW_NUMBER() OVER (
            PARTITION BY i.site_id, i.patient_id
            ORDER BY i.given_date, EPOCH_US(i.given_at) NULLS FIRST, i.administration_id
        ) AS number
    FROM cohort AS h
    INNER JOIN infusion AS i
        ON h.site_id = i.site_id AND h.patient_id = i.patient_id AND i.verdict = 'counts'
    WHERE h.arm = 'treated'
)

SELECT DISTINCT
    g.site_id,
    g.patient_id
FROM given AS g
CROSS JOIN study AS s
INNER JOIN planned_day AS p ON g.number = p.number
WHERE ABS(g.day - p.day) > s.planned_days_within;
