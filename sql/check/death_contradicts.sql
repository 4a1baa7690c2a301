-- death_contradicts: cohort patients whom an Encounter discharged as dead, and who did not die then.
--
-- Severity   error
-- Grain      one row per patient
-- Reads      cohort, encounter, moment
-- Keeps      patients recorded as alive, or with a death on another day than the end of that Encounter
-- Drops      deaths and ends without a day
-- Caveat     the death of the Patient holds for every rule; other codes than HL7's `exp` are not known
-- Reference  FHIR code system discharge-disposition: exp
SELECT DISTINCT
    c.site_id,
    c.arm,
    c.patient_id
FROM cohort AS c
INNER JOIN encounter AS e ON c.site_id = e.site_id AND c.patient_id = e.patient_id
LEFT JOIN moment AS t ON e.period_end = t.recorded
WHERE
    e.status NOT IN ('planned', 'cancelled', 'entered-in-error', 'unknown')
    AND e.discharge_system = 'http://terminology.hl7.org/CodeSystem/discharge-disposition'
    AND e.discharge_code = 'exp'
    AND (NOT c.deceased OR c.death_date != t.local_date);
