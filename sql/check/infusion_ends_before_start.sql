-- infusion_ends_before_start: infusions of the product with an end before their start.
--
-- Severity   error
-- Grain      one row per administration
-- Reads      infusion, counted_as
-- Keeps      infusions that may have happened, in the cohort or not
-- Drops      not-done and entered-in-error
-- Caveat     one of the two times is wrong, and time zero would be the start: such an infusion is uncertain
-- Reference  13_infusion.sql
SELECT
    i.site_id,
    c.arm,
    i.patient_id
FROM infusion AS i
LEFT JOIN counted_as AS c ON i.site_id = c.site_id AND i.patient_id = c.patient_id
WHERE i.verdict != 'not_given' AND i.ends_before_start;
