-- result_without_unit: results without a unit.
--
-- Severity   warning
-- Grain      one row per result
-- Reads      measurement
-- Keeps      results set aside for want of a unit
-- Drops      all others
-- Caveat     a missing unit is not a wrong unit: [[default_unit]] can say what the site means
-- Reference  the study file, [[default_unit]]
SELECT
    site_id,
    arm,
    patient_id
FROM measurement
WHERE set_aside = 'no_unit';
