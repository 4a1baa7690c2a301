-- unit_contradicts: results in a unit that contradicts their code or their endpoint.
--
-- Severity   warning
-- Grain      one row per result
-- Reads      measurement
-- Keeps      results in a unit of another dimension, or in FEU under a code of DDU and the reverse
-- Drops      all others
-- Caveat     % under FEV1 is most likely percent of predicted; `ft` is a femto-tonne and `C` a coulomb: where
--            a site means feet or degrees, [[unit]] of the study file says so
-- Reference  20_contradiction.sql; UCUM; the study file, [[unit]]
SELECT
    site_id,
    arm,
    patient_id
FROM measurement
WHERE set_aside = 'unit_contradicts';
