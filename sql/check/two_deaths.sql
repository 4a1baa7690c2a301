-- two_deaths: Patients who are one person by their links, and died on two days.
--
-- Severity   error
-- Grain      one row per patient (both of a pair)
-- Reads      same_person, person, counted_as
-- Keeps      patients with different local days of death
-- Drops      deaths without a day (death_without_day)
-- Caveat     one death recorded in two zones may have two local days
-- Reference  FHIR Patient.link
SELECT DISTINCT
    l.site_id,
    c.arm,
    l.patient_id
FROM same_person AS l
INNER JOIN person AS p ON l.site_id = p.site_id AND l.patient_id = p.patient_id
INNER JOIN person AS o ON l.site_id = o.site_id AND l.other_id = o.patient_id
LEFT JOIN counted_as AS c ON l.site_id = c.site_id AND l.patient_id = c.patient_id
WHERE p.death_date != o.death_date;
