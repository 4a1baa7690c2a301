-- repeated_result: the same result recorded more than once.
--
-- Severity   info
-- Grain      one row per surplus record
-- Reads      measurement
-- Keeps      all but one of the results of one endpoint, instant and value of a patient
-- Drops      results with a date only: two a day may both be true
-- Caveat     harmless for the values, which are averaged over one instant
-- Reference  one result sent by two systems
WITH repeated AS (
    SELECT
        site_id,
        arm,
        patient_id,
        UNNEST(RANGE(1, COUNT(*))) AS surplus
    FROM measurement
    WHERE measured_at IS NOT NULL AND set_aside IS NULL
    GROUP BY site_id, arm, patient_id, endpoint, measured_at, value
    HAVING COUNT(*) > 1
)

SELECT
    site_id,
    arm,
    patient_id
FROM repeated;
