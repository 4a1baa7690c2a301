-- codes_contradict: results with two codes that mean different things.
--
-- Severity   warning
-- Grain      one row per result
-- Reads      measurement
-- Keeps      results set aside because of their codes
-- Drops      all others
-- Caveat     which code is right cannot be told from the record
-- Reference  20_contradiction.sql; rwe/reviewed/code_meaning.csv
SELECT
    site_id,
    arm,
    patient_id
FROM measurement
WHERE set_aside = 'codes_contradict';
