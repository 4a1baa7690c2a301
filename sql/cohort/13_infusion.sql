-- infusion: each administration of the study's product, and whether it counts.
--
-- Grain      one row per administration (site_id, administration_id)
-- Reads      administration, code_list, counted_status, unit_conversion, study
-- Keeps      all of the product; verdict is counts, uncertain (it may have happened) or not_given
-- Drops      other products
-- Caveat     a dose that is not stated counts; one in a unit that nothing converts is uncertain
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
        ) AS dose_fits
    FROM product AS p
    CROSS JOIN study AS s
    LEFT JOIN unit_conversion AS u ON p.dose_unit = u.from_unit AND s.dose_unit = u.to_unit
)

SELECT
    d.site_id,
    d.patient_id,
    d.administration_id,
    d.status,
    d.given_at,
    d.given_date,
    d.dose_value,
    d.dose_fits,
    CASE
        WHEN d.status IN ('not-done', 'entered-in-error') THEN 'not_given'
        WHEN k.status IS NOT NULL AND d.given_date IS NOT NULL AND d.dose_fits THEN 'counts'
        ELSE 'uncertain'
    END AS verdict
FROM dose AS d
LEFT JOIN counted_status AS k ON d.status = k.status;
