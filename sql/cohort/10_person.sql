-- person: who is landed at all; the first number of the attrition.
--
-- Grain      one row per Patient (site_id, patient_id)
-- Reads      patient
-- Keeps      every Patient, also with no birth date or no sex
-- Drops      nothing
-- Caveat     a birth date given as a year or month is a range, birth_from to birth_to; a death without
--            a day has no death_date and takes part in no rule about time
-- Reference  FHIR Patient: birthDate and deceased[x] may be partial dates
CREATE OR REPLACE TABLE person AS
WITH bound AS (
    SELECT
        site_id,
        patient_id,
        gender,
        deceased,
        deceased_datetime,
        TRY_CAST(RPAD(birth_date, 10, '-01-01') AS DATE) AS birth_from,
        LENGTH(birth_date) AS birth_length
    FROM patient
)

SELECT
    site_id,
    patient_id,
    COALESCE(gender, 'unknown') AS sex,
    birth_from,
    CAST(
        CASE birth_length
            WHEN 4 THEN birth_from + INTERVAL 1 YEAR - INTERVAL 1 DAY
            WHEN 7 THEN LAST_DAY(birth_from)
            ELSE birth_from
        END AS DATE
    ) AS birth_to,
    COALESCE(deceased, FALSE) OR deceased_datetime IS NOT NULL AS deceased,
    CASE WHEN LENGTH(deceased_datetime) > 10 THEN TRY_CAST(deceased_datetime AS TIMESTAMPTZ) END AS death_at,
    CASE
        WHEN LENGTH(deceased_datetime) >= 10 THEN TRY_CAST(LEFT(deceased_datetime, 10) AS DATE)
    END AS death_date
FROM bound;
