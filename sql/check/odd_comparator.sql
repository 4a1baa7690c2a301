-- odd_comparator: results with a comparator that sets no limit to the value.
--
-- Severity   warning
-- Grain      one row per result
-- Reads      measurement
-- Keeps      results set aside as odd_comparator
-- Drops      all others
-- Caveat     R5's ad says that something suffices to reach a total, which is no measurement
-- Reference  FHIR value set quantity-comparator; 40_measurement.sql
SELECT
    site_id,
    arm,
    patient_id
FROM measurement
WHERE set_aside = 'odd_comparator';
