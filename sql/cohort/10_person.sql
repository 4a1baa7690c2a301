-- person: who is landed at all; the first number of the attrition.
--
-- Grain      one row per Patient (site_id, patient_id)
-- Reads      patient, moment
-- Keeps      every Patient, also with no birth date or no sex
-- Drops      nothing
-- Caveat     a birth date given as a year or month is a range, birth_from to birth_to; a death without
--            a day has no death_date and takes part in no rule about time
-- Reference  FHIR Patient: birthDate and deceased[x] may be partial dates
CREATE OR REPLACE TABLE person AS
SELECT
    p.site_id,
    p.patient_id,
    COALESCE(p.gender, 'unknown') AS sex,
    b.from_date AS birth_from,
    b.to_date AS birth_to,
    COALESCE(p.deceased, FALSE) OR p.deceased_datetime IS NOT NULL AS deceased,
    d.instant AS death_at,
    d.local_date AS death_date
FROM patient AS p
LEFT JOIN moment AS b ON p.birth_date = b.recorded
LEFT JOIN moment AS d ON p.deceased_datetime = d.recorded;
