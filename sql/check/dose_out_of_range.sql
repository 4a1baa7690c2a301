-- dose_out_of_range: infusions of the product with a dose outside of its tolerance.
--
-- Severity   warning
-- Grain      one row per administration
-- Reads      infusion, counted_as
-- Keeps      administrations that were given with a dose that does not fit, in the cohort or not
-- Drops      not-done and entered-in-error
-- Caveat     a power of ten is more often a typing error than another dose
-- Reference  the study file, [exposure.dose]
SELECT
    i.site_id,
    c.arm,
    i.patient_id
FROM infusion AS i
LEFT JOIN counted_as AS c ON i.site_id = c.site_id AND i.patient_id = c.patient_id
WHERE i.verdict != 'not_given' AND NOT i.dose_fits;
