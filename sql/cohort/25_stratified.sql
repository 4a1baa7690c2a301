-- stratified: leaves out whose severity before time zero is not known.
--
-- Step       severity known at time zero
-- When       EXISTS (SELECT 1 FROM stratum)
-- Grain      one row per start left out (site_id, patient_id, start_number, reason)
-- Reads      severity
-- Keeps      patients with a stratum
-- Drops      patients without any state up to time zero
-- Caveat     a state first recorded after time zero does not count: it may be its consequence
-- Reference  18_severity.sql
CREATE OR REPLACE TABLE stratified AS
SELECT
    site_id,
    patient_id,
    start_number,
    'no severity recorded up to time zero' AS reason
FROM severity
WHERE stratum IS NULL;
