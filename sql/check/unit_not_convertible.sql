-- unit_not_convertible: results in a unit that nothing converts to the endpoint's.
--
-- Severity   warning
-- Grain      one row per result
-- Reads      measurement
-- Keeps      results with a unit other than the endpoint's and without a conversion, or with no unit
-- Drops      all others
-- Caveat     a missing unit is not a wrong unit, yet neither can be compared
-- Reference  the study file, [[unit]]
SELECT
    site_id,
    arm,
    patient_id
FROM measurement
WHERE set_aside IN ('unit_not_convertible', 'no_unit');
