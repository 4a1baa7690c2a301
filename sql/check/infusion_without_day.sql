-- infusion_without_day: infusions of the product without a day: a month or year only, or nothing.
--
-- Severity   warning
-- Grain      one row per administration
-- Reads      infusion, counted_as
-- Keeps      infusions that may have happened, in the cohort or not
-- Drops      not-done and entered-in-error
-- Caveat     no day is made up: without another infusion that counts the patient has no
--            arm
-- Reference  13_infusion.sql, 15_time_zero.sql
SELECT
    i.site_id,
    c.arm,
    i.patient_id
FROM infusion AS i
LEFT JOIN counted_as AS c ON i.site_id = c.site_id AND i.patient_id = c.patient_id
WHERE i.verdict != 'not_given' AND i.given_date IS NULL;
