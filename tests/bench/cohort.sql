-- Synthetic tables as `rwe map` leaves them, for the study of fixtures/msc: {n} Observations, one patient to
-- 50 of them, every tenth treated, the others enrolled as controls.  From i alone, so always the same.
CREATE OR REPLACE TEMP TABLE who AS
SELECT
    i,
    'patient-' || MD5('p' || i) AS patient_id,
    'Patient/patient-' || MD5('p' || i) AS subject_reference,
    TIMESTAMP '2020-03-24' + TO_SECONDS(HASH('zero', i) % (440 * 86400)) AS zero
FROM RANGE(GREATEST({n} // 50, 1)) AS r (i);

DELETE FROM patient;

INSERT INTO patient BY NAME
SELECT
    'bench' AS site_id,
    patient_id,
    STRFTIME(DATE '1930-01-01' + CAST(HASH('birth', i) % 25000 AS INTEGER), '%Y-%m-%d') AS birth_date,
    IF(HASH('sex', i) % 2 = 0, 'female', 'male') AS gender,
    IF(HASH('death', i) % 50 = 0, STRFTIME(zero + INTERVAL 200 DAYS, '%Y-%m-%d'), NULL) AS deceased_datetime
FROM who;

INSERT INTO condition BY NAME
SELECT
    'bench' AS site_id,
    'condition-' || MD5('c' || i) AS condition_id,
    patient_id,
    subject_reference,
    'active' AS clinical_status,
    'confirmed' AS verification_status,
    STRFTIME(zero - INTERVAL 20 DAYS, '%Y-%m-%d') AS onset,
    STRFTIME(zero - INTERVAL 19 DAYS, '%Y-%m-%dT%H:%M:%S+08:00') AS recorded_date,
    'http://snomed.info/sct' AS system,
    '840539006' AS code,
    'COVID-19' AS display,
    'http://snomed.info/sct' AS severity_system,
    IF(HASH('severity', i) % 2 = 0, '6736007', '24484000') AS severity_code
FROM who;

INSERT INTO medication_administration BY NAME
SELECT
    'bench' AS site_id,
    'given-' || MD5(dose || 'm' || i) AS medication_administration_id,
    patient_id,
    subject_reference,
    'completed' AS status,
    STRFTIME(zero + TO_DAYS(CAST(3 * dose AS INTEGER)), '%Y-%m-%dT%H:%M:%S+08:00') AS effective,
    'https://north.example/fhir/CodeSystem/cell-product' AS system,
    'UCMSC-40M' AS code
FROM who
CROSS JOIN RANGE(3) AS d (dose)
WHERE i % 10 = 0;

-- The stay; three visits to the clinic; of the others their enrolment.
INSERT INTO encounter BY NAME
SELECT
    'bench' AS site_id,
    'encounter-' || MD5(k || 'e' || i) AS encounter_id,
    patient_id,
    subject_reference,
    'finished' AS status,
    'http://terminology.hl7.org/CodeSystem/v3-ActCode' AS class_system,
    IF(k = 0, 'IMP', 'AMB') AS class_code,
    STRFTIME(zero + TO_DAYS(CAST([-10, 28, 90, 360, 0][k + 1] AS INTEGER)), '%Y-%m-%dT%H:%M:%S+08:00')
        AS period_start,
    STRFTIME(zero + TO_DAYS(CAST([10, 28, 90, 360, 0][k + 1] AS INTEGER)), '%Y-%m-%dT23:%M:%S+08:00')
        AS period_end,
    IF(k = 4, 'https://registry.example/fhir/CodeSystem/enrolment', NULL) AS system,
    IF(k = 4, 'control', NULL) AS code
FROM who
CROSS JOIN RANGE(5) AS e (k)
WHERE k < 4 OR i % 10 != 0;

INSERT INTO adverse_event BY NAME
SELECT
    'bench' AS site_id,
    'event-' || MD5('a' || i) AS adverse_event_id,
    patient_id,
    subject_reference,
    'actual' AS actuality,
    STRFTIME(zero + TO_DAYS(CAST(HASH('event', i) % 300 AS INTEGER)), '%Y-%m-%dT%H:%M:%S+08:00')
        AS occurrence,
    'non-serious' AS seriousness_code,
    'https://www.meddra.org' AS system,
    '19000052' AS code,
    'Dizziness' AS display
FROM who
WHERE i % 2 = 0;

-- Eight tests at each sitting, seven of them endpoints; those of one visit to the laboratory share its time.
CREATE OR REPLACE TEMP TABLE test AS
SELECT *
FROM (
    VALUES
    (0, 0, 'http://loinc.org', '20150-9', 'FEV1', 'L', 2.0),
    (1, 0, 'https://north.example/fhir/CodeSystem/lung-function', 'VCMAX', 'Maximum vital capacity', 'L', 3),
    (2, 1, 'https://north.example/fhir/CodeSystem/ct', 'GGO-PCT', 'Ground glass', '%', 20),
    (3, 1, 'https://north.example/fhir/CodeSystem/ct', 'LESION-PCT', 'Lesions', '%', 30),
    (4, 2, 'http://loinc.org', '64098-7', '6-minute walk distance', 'm', 400),
    (5, 3, 'http://loinc.org', '48065-7', 'D-dimer FEU', 'mg/L{{FEU}}', 1),
    (6, 3, 'http://loinc.org', '26881-3', 'Interleukin-6', 'pg/mL', 8),
    (7, 3, 'http://loinc.org', '1988-5', 'C-reactive protein', 'mg/L', 5)
) AS t (test, place, system, code, display, unit, middle);

INSERT INTO observation BY NAME
WITH taken AS (
    SELECT
        n,
        who.*,
        test.*,
        [-3, 28, 90, 180, 270, 360, 150][n // (8 * c.patients) + 1] AS day
    FROM RANGE({n}) AS r (n)
    CROSS JOIN (SELECT COUNT(*) AS patients FROM who) AS c
    INNER JOIN who ON n % c.patients = who.i
    INNER JOIN test ON (n // c.patients) % 8 = test.test
),

measured AS (
    SELECT
        *,
        zero
        + TO_DAYS(CAST(day AS INTEGER))
        + TO_SECONDS(HASH(i, day, place) % IF(day < 0, 172800, 864000)) AS taken_at,
        CAST(middle * (0.5 + HASH('value', n) % 1000 / 1000) AS DECIMAL(38, 2)) AS in_unit,
        unit = 'L' AND HASH('ml', n) % 4 = 0 AS in_ml
    FROM taken
)

SELECT
    'bench' AS site_id,
    'observation-' || MD5('o' || n) AS observation_id,
    patient_id,
    subject_reference,
    IF(HASH('status', n) % 100 = 0, 'preliminary', 'final') AS status,
    STRFTIME(taken_at, '%Y-%m-%dT%H:%M:%S+08:00') AS effective,
    STRFTIME(taken_at + INTERVAL 2 HOURS, '%Y-%m-%dT%H:%M:%S+08:00') AS issued,
    IF(in_ml, 1000 * in_unit, in_unit) AS value,
    CAST(IF(in_ml, 1000 * in_unit, in_unit) AS VARCHAR) AS value_text,
    IF(code = '26881-3' AND HASH('limit', n) % 10 = 0, '<', NULL) AS comparator,
    IF(in_ml, 'mL', unit) AS unit,
    'http://unitsofmeasure.org' AS unit_system,
    IF(in_ml, 'mL', unit) AS unit_code,
    -- Every twentieth carries a second code, the laboratory's own.
    UNNEST(IF(n % 20 = 0, [system, 'https://bench.example/lab'], [system])) AS system,
    UNNEST(IF(n % 20 = 0, [code, 'T' || test], [code])) AS code,
    display,
    display AS text
FROM measured
ORDER BY n;

INSERT INTO resource BY NAME
SELECT
    site_id,
    kind AS resource_type,
    id,
    '1' AS version,
    MD5(id) AS hash,
    kind || '-0' AS shard,
    ROW_NUMBER() OVER (PARTITION BY kind) AS line,
    'mapped' AS fate
FROM (
    SELECT DISTINCT site_id, 'Observation' AS kind, observation_id AS id FROM observation
    UNION ALL
    SELECT site_id, 'Encounter' AS kind, encounter_id AS id FROM encounter
    UNION ALL
    SELECT site_id, 'Condition' AS kind, condition_id AS id FROM condition
);
