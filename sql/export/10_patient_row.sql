-- patient_row: what `rwe export` gives of each patient, before the id becomes a pseudonym.
--
-- Grain      one row per cohort patient and arm (site_id, patient_id, arm)
-- Reads      cohort, follow_up
-- Keeps      arm, stratum, sex, completed years of age, whole days from time zero
-- Drops      every date, the birth date, the exact age
-- Caveat     age 90 stands for 90 and more, and there is none of a birth after time zero; a death without
--            a day has no death_day; days_from_anchor is rounded to whole days
-- Reference  45 CFR 164.514(b)(2)(i)(C): no dates, ages above 89 in one class
CREATE OR REPLACE TEMP TABLE patient_row AS
WITH aged AS (
    SELECT
        site_id,
        patient_id,
        arm,
        CASE WHEN age_years >= 0 THEN CAST(LEAST(FLOOR(age_years), 90) AS BIGINT) END AS age
    FROM cohort
)

SELECT
    h.site_id,
    h.patient_id,
    h.arm,
    h.stratum,
    h.sex,
    a.age,
    CASE
        WHEN a.age = 90 THEN '90 or more'
        WHEN a.age < 90 THEN a.age // 10 * 10 || ' to ' || (a.age // 10 * 10 + 9)
    END AS age_band,
    CAST(ROUND(h.days_from_anchor) AS BIGINT) AS days_from_anchor,
    h.n_infusions,
    DATE_DIFF('day', h.zero_date, h.censor_date) AS treated_day,
    h.deceased,
    DATE_DIFF('day', h.zero_date, h.death_date) AS death_day,
    f.ascertained AS events_ascertained,
    f.days AS follow_up_days
FROM cohort AS h
INNER JOIN aged AS a ON h.site_id = a.site_id AND h.patient_id = a.patient_id AND h.arm = a.arm
INNER JOIN follow_up AS f ON h.site_id = f.site_id AND h.patient_id = f.patient_id AND h.arm = f.arm;
