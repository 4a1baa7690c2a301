-- two_sexes: Patients who are one person by their links, and of two sexes.
--
-- Severity   error
-- Grain      one row per patient (both of a pair)
-- Reads      same_person, person, counted_as
-- Keeps      patients of whom both records state a sex, and not the same
-- Drops      pairs of which one states none
-- Caveat     of two versions of one Patient the newer holds, and no check is needed
-- Reference  FHIR Patient.link
SELECT DISTINCT
    l.site_id,
    c.arm,
    l.patient_id
FROM same_person AS l
INNER JOIN person AS p ON l.site_id = p.site_id AND l.patient_id = p.patient_id
INNER JOIN person AS o ON l.site_id = o.site_id AND l.other_id = o.patient_id
LEFT JOIN counted_as AS c ON l.site_id = c.site_id AND l.patient_id = c.patient_id
WHERE p.sex != o.sex AND p.sex != 'unknown' AND o.sex != 'unknown';
