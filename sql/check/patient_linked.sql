-- patient_linked: cohort patients with records under another Patient too.
--
-- Severity   warning
-- Grain      one row per patient
-- Reads      same_person, counted_as
-- Keeps      cohort patients whom a link joins to another landed Patient, in the cohort or not
-- Drops      replaced and replacing patients (patient_replaced)
-- Caveat     what is recorded under the other id is not theirs here: an infusion, a value, a death
-- Reference  FHIR value set link-type: refer, seealso
SELECT DISTINCT
    c.site_id,
    c.arm,
    c.patient_id
FROM counted_as AS c
INNER JOIN same_person AS l ON c.site_id = l.site_id AND c.patient_id = l.patient_id
ANTI JOIN same_person AS r
    ON
        l.site_id = r.site_id
        AND r.is_replaced
        AND l.patient_id IN (r.patient_id, r.other_id)
        AND l.other_id IN (r.patient_id, r.other_id);
