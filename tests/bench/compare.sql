-- Synthetic tables as `rwe cohort` leaves them: {n} patients, every tenth treated, two strata; endpoints of two
-- digits and of all, by turns; of the last visit as many as an exact test takes.  From i alone, so always the same.
DELETE FROM cohort;

INSERT INTO cohort BY NAME
SELECT
    'bench' AS site_id,
    'patient-' || i AS patient_id,
    IF(i % 10 = 0, 'treated', 'control') AS arm,
    IF(i // 10 % 2 = 0, 'moderate', 'severe') AS stratum,
    IF(HASH('sex', i) % 2 = 0, 'female', 'male') AS sex,
    30 + HASH('age', i) % 50 AS age_years,
    HASH('anchor', i) % 60 AS days_from_anchor
FROM RANGE({n}) AS r (i);

DELETE FROM endpoint_value;

INSERT INTO endpoint_value BY NAME
SELECT
    c.site_id,
    c.patient_id,
    c.arm,
    c.stratum,
    e.endpoint,
    v.visit,
    v.is_baseline,
    IF(
        v.number = 6 AND place > 200 OR HASH('seen', c.patient_id, e.number, v.number) % 10 = 0,
        NULL,
        ROUND(
            3 + IF(c.arm = 'treated', 0.05, 0)
            + (HASH('a', c.patient_id, e.number, v.number) % 1000000) / 1e6
            + (HASH('b', c.patient_id, e.number, v.number) % 1000000) / 1e6,
            IF(e.number % 2 = 0, 2, 15)
        )
    ) AS value,
    IF(value IS NULL, 'not_measured', NULL) AS missing
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY arm, stratum ORDER BY patient_id) AS place FROM cohort) AS c
CROSS JOIN endpoint AS e
CROSS JOIN visit AS v;
