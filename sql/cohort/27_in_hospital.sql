-- in_hospital: leaves out candidates of a risk set who are not in hospital at time zero.
--
-- Step       controls in hospital at time zero
-- When       control_time_zero = 'risk-set' AND hospital_codes IS NOT NULL
-- Grain      one row per start left out (site_id, patient_id, start_number, reason)
-- Reads      start, encounter, code_list, moment, study
-- Keeps      an Encounter whose class or type is one of the declared codes, from its start to its end, both
--            included; by the day where either has no time of day
-- Drops      all others, also before the admission and after the discharge; treated patients stay: who was
--            given an infusion was in care
-- Caveat     an Encounter without an end lasts, but one that is over is known of on its first day only
-- Reference  FHIR value set encounter-status; both arms in care at time zero
CREATE OR REPLACE TABLE in_hospital AS
WITH coded AS (
    SELECT
        site_id,
        patient_id,
        status,
        period_start,
        period_end,
        system,
        code
    FROM encounter
    UNION
    SELECT
        site_id,
        patient_id,
        status,
        period_start,
        period_end,
        class_system,
        class_code
    FROM encounter
),

stay AS (
    SELECT
        e.site_id,
        e.patient_id,
        f.instant AS from_at,
        f.to_date AS from_date,
        t.instant AS to_at,
        t.from_date AS to_date,
        e.period_end IS NULL AND e.status NOT IN ('finished', 'completed', 'discharged', 'discontinued')
            AS is_open
    FROM coded AS e
    CROSS JOIN study AS s
    INNER JOIN code_list AS c
        ON s.hospital_codes = c.code_list AND e.system = c.system AND e.code = c.code
    INNER JOIN moment AS f ON e.period_start = f.recorded
    LEFT JOIN moment AS t ON COALESCE(e.period_end, e.period_start) = t.recorded
    WHERE e.status NOT IN ('planned', 'cancelled', 'entered-in-error', 'unknown')
)

SELECT
    z.site_id,
    z.patient_id,
    z.start_number,
    'not in hospital at time zero' AS reason
FROM start AS z
WHERE
    z.arm = 'control'
    AND NOT EXISTS (
        SELECT 1
        FROM stay AS y
        WHERE
            y.site_id = z.site_id
            AND y.patient_id = z.patient_id
            AND COALESCE(y.from_at <= z.zero_at, y.from_date <= z.zero_date)
            AND (y.is_open OR COALESCE(y.to_at >= z.zero_at, y.to_date >= z.zero_date))
    );
