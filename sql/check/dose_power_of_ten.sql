-- dose_power_of_ten: infusions with a dose that is off by a power of ten.
--
-- Severity   warning
-- Grain      one row per administration
-- Reads      infusion, counted_as, study
-- Keeps      doses that would be within the tolerance after moving the decimal point, in the cohort or not
-- Drops      not-done and entered-in-error; doses that fit
-- Caveat     they are among the doses out of range (dose_out_of_range) too; none is repaired
-- Reference  the study file, [exposure.dose]
SELECT
    i.site_id,
    c.arm,
    i.patient_id
FROM infusion AS i
CROSS JOIN study AS s
LEFT JOIN counted_as AS c ON i.site_id = c.site_id AND i.patient_id = c.patient_id
WHERE
    i.verdict != 'not_given'
    AND NOT i.dose_fits
    AND i.dose_ratio > 0
    AND ABS(i.dose_ratio / POW(10, ROUND(LOG10(i.dose_ratio))) - 1) <= s.dose_tolerance;
