-- result_without_day: results of an endpoint's codes without a day.
--
-- Severity   warning
-- Grain      one row per result
-- Reads      measurement
-- Keeps      results set aside for want of a day
-- Drops      all others
-- Caveat     a year or month is never made into its first day
-- Reference  FHIR dateTime may be partial
SELECT
    site_id,
    arm,
    patient_id
FROM measurement
WHERE set_aside = 'no_day';
