-- infusion_after_death: infusions of the product after the patient's death.
--
-- Severity   error
-- Grain      one row per administration
-- Reads      infusion, person, counted_as
-- Keeps      infusions that may have happened, after the day of death or its time where both have one
-- Drops      not-done and entered-in-error
-- Caveat     one of the two dates is wrong; 24_alive.sql leaves out a time zero
--            after death where the study says so
-- Reference  the record itself
SELECT
    i.site_id,
    c.arm,
    i.patient_id
FROM infusion AS i
INNER JOIN person AS p ON i.site_id = p.site_id AND i.patient_id = p.patient_id
LEFT JOIN counted_as AS c ON i.site_id = c.site_id AND i.patient_id = c.patient_id
WHERE i.verdict != 'not_given' AND COALESCE(i.given_at > p.death_at, i.given_date > p.death_date);
