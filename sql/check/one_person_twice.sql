-- one_person_twice: cohort patients who under another id are in the cohort too, or may have been treated.
--
-- Severity   error
-- Grain      one row per patient
-- Reads      same_person, counted_as, infusion
-- Keeps      patients whom a link of any type joins to another of the cohort, in either arm, or to a Patient
--            with an infusion that may have happened
-- Drops      infusions that were not given
-- Caveat     such a control may be a treated person, and such a time zero late.  Nobody is merged: a link is
--            for the source to judge
-- Reference  FHIR Patient.link; 62_same_person.sql
SELECT DISTINCT
    c.site_id,
    c.arm,
    c.patient_id
FROM counted_as AS c
INNER JOIN same_person AS l ON c.site_id = l.site_id AND c.patient_id = l.patient_id
LEFT JOIN counted_as AS o ON l.site_id = o.site_id AND l.other_id = o.patient_id
LEFT JOIN infusion AS i
    ON l.site_id = i.site_id AND l.other_id = i.patient_id AND i.verdict != 'not_given'
WHERE o.patient_id IS NOT NULL OR i.patient_id IS NOT NULL;
