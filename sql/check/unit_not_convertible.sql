-- unit_not_convertible: results in a unit that nothing converts to the endpoint's.
--
-- Severity   warning
-- Grain      one row per result
-- Reads      measurement
-- Keeps      results in a unit that is no UCUM, is annotated otherwise, or is another kind of number
-- Drops      all others
-- Caveat     D-dimer in FEU and DDU, and a share and a count, are not converted unless the study says so
-- Reference  rwe/units; the study file, [[unit]]
SELECT
    site_id,
    arm,
    patient_id
FROM measurement
WHERE set_aside = 'unit_not_convertible';
