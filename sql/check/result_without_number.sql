-- result_without_number: final results of an endpoint's codes that hold no number.
--
-- Severity   info
-- Grain      one row per result
-- Reads      measurement
-- Keeps      results set aside for want of a number
-- Drops      all others
-- Caveat     panels whose numbers stand in components are counted only when the panel has the code
-- Reference  FHIR Observation.dataAbsentReason
SELECT
    site_id,
    arm,
    patient_id
FROM measurement
WHERE set_aside = 'no_number';
