-- encounter_before_birth: Encounters of the cohort that began before birth.
--
-- Severity   error
-- Grain      one row per Encounter
-- Reads      encounter, moment, person, counted_as
-- Keeps      Encounters that took or take place, begun before the patient may have
--            been born
-- Drops      starts without a day
-- Caveat     one of the two dates is wrong; a birth date in part is taken at its first day;
--            a newborn's Encounter may begin with the mother's
-- Reference  the record itself
SELECT
    e.site_id,
    c.arm,
    e.patient_id
FROM encounter AS e
INNER JOIN moment AS t ON e.period_start = t.recorded
INNER JOIN person AS p ON e.site_id = p.site_id AND e.patient_id = p.patient_id
INNER JOIN counted_as AS c ON e.site_id = c.site_id AND e.patient_id = c.patient_id
WHERE
    e.status NOT IN ('planned', 'cancelled', 'entered-in-error', 'unknown')
    AND t.local_date < p.birth_from
GROUP BY e.site_id, e.encounter_id, c.arm, e.patient_id;
