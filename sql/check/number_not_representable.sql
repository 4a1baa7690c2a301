-- number_not_representable: results with a number beyond what the tables hold.
--
-- Severity   warning
-- Grain      one row per result
-- Reads      measurement
-- Keeps      results set aside as not_representable
-- Drops      all others
-- Caveat     the tables hold 26 digits before the point and 12 after it; value_text keeps all of them
-- Reference  FHIR value set quantity-comparator; 40_measurement.sql
SELECT
    site_id,
    arm,
    patient_id
FROM measurement
WHERE set_aside = 'not_representable';
