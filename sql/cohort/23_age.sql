-- age: leaves out who is not known to be of the declared age at time zero.
--
-- Step       of the declared age at time zero
-- When       min_age IS NOT NULL OR max_age IS NOT NULL
-- Grain      one row per start left out (site_id, patient_id, start_number, reason)
-- Reads      start, person, study
-- Keeps      patients who are of age whatever day of a partial birth date is true
-- Drops      others, also those without a birth date
-- Caveat     someone born in a given year may be left out for a few months' doubt
-- Reference  completed years: age on the day of time zero
CREATE OR REPLACE TABLE age AS
WITH known AS (
    SELECT
        z.site_id,
        z.patient_id,
        z.start_number,
        DATE_SUB('year', p.birth_to, z.zero_date) AS at_least,
        DATE_SUB('year', p.birth_from, z.zero_date) AS at_most
    FROM start AS z
    INNER JOIN person AS p ON z.site_id = p.site_id AND z.patient_id = p.patient_id
    WHERE z.arm IS NOT NULL
)

SELECT
    k.site_id,
    k.patient_id,
    k.start_number,
    CASE
        WHEN k.at_least IS NULL THEN 'no birth date'
        WHEN k.at_most < s.min_age THEN 'younger than ' || s.min_age
        WHEN k.at_least > s.max_age THEN 'older than ' || s.max_age
        ELSE 'not known to be of age: birth date in part only'
    END AS reason
FROM known AS k
CROSS JOIN study AS s
WHERE
    k.at_least IS NULL
    OR k.at_least < s.min_age
    OR k.at_most > s.max_age;
