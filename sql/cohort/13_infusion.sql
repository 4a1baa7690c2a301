-- infusion: each administration of the study's product, and whether it counts.
--
-- Grain      one row per administration (site_id, administration_id)
-- Reads      administration, code_list, counted_status, unit_conversion, study
-- Keeps      all of the product; verdict is counts, repeated (the same again: one patient and instant),
--            uncertain (it may have happened) or not_given
-- Drops      other products
-- Caveat     a dose that is not stated counts; one in a unit that nothing converts is uncertain, and so is an
--            infusion without a day, or with an end before its start.  Two of one date without a time are two
-- Reference  FHIR value set medication-admin-status: completed; not-done and entered-in-error are none
CREATE OR REPLACE TABLE infusion AS
WITH product AS (
    SELECT DISTINCT
        a.site_id,
        a.patient_id,
        a.administration_id,
        a.status,
        a.given_at,
        a.given_date,
        a.ends_before_start,
        a.dose_value,
        a.dose_unit
    FROM administration AS a
    CROSS JOIN study AS s
    INNER JOIN code_list AS c
        ON s.exposure_codes = c.code_list AND a.system = c.system AND a.code = c.code
),

dose AS (
    SELECT
        p.*,
        s.dose_value IS NULL
        OR p.dose_value IS NULL
        OR COALESCE(
            TRY(
                ABS((p.dose_value * u.factor + u.addend) / u.divisor - s.dose_value)
                <= s.dose_tolerance * s.dose_value
            ),
            FALSE
        ) AS dose_fits,
        TRY(CAST((p.dose_value * u.factor + u.addend) / u.divisor / s.dose_value AS DOUBLE)) AS dose_ratio
    FROM product AS p
    CROSS JOIN study AS s
    LEFT JOIN unit_conversion AS u ON p.dose_unit = u.from_unit AND s.dose_unit = u.to_unit
),

judged AS (
    SELECT
        d.*,
        CASE
            WHEN d.status IN ('not-done', 'entered-in-error') THEN 'not_given'
            WHEN d.given_date IS NULL OR d.ends_before_start THEN 'uncertain'
            WHEN k.status IS NOT NULL AND d.dose_fits THEN 'counts'
            ELSE 'uncertain'
        END AS verdict
    FROM dose AS d
    LEFT JOIN counted_status AS k ON d.status = k.status
)

SELECT
    site_id,
    patient_id,
    administration_id,
    status,
    given_at,
    given_date,
    ends_before_start,
    dose_value,
    dose_fits,
    dose_ratio,
    CASE
        WHEN
            verdict = 'counts'
            AND given_at IS NOT NULL
            AND ROW_NUMBER() OVER (
                PARTITION BY site_id, patient_id, given_at, verdict ORDER BY administration_id
            ) > 1
            THEN 'repeated'
        ELSE verdict
    END AS verdict
FROM judged;
