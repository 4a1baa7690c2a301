-- two_birth_dates: Patients who are one person by their links, and born on two days.
--
-- Severity   error
-- Grain      one row per patient (both of a pair)
-- Reads      same_person, person, counted_as
-- Keeps      patients whose birth dates have no day in common
-- Drops      pairs of which one has none
-- Caveat     one of the two ages is wrong, or the link
-- Reference  FHIR Patient.link
SELECT DISTINCT
    l.site_id,
    c.arm,
    l.patient_id
FROM same_person AS l
INNER JOIN person AS p ON l.site_id = p.site_id AND l.patient_id = p.patient_id
INNER JOIN person AS o ON l.site_id = o.site_id AND l.other_id = o.patient_id
LEFT JOIN counted_as AS c ON l.site_id = c.site_id AND l.patient_id = c.patient_id
WHERE p.birth_to < o.birth_from OR o.birth_to < p.birth_from;
