-- arm: leaves out who is neither treated nor control.
--
-- Step       treated or control
-- Grain      one row per patient left out (site_id, patient_id, reason)
-- Reads      time_zero
-- Keeps      patients with an arm
-- Drops      uncertain infusions, first doses at another time, no enrolment as control
-- Caveat     an uncertain infusion makes nobody a control
-- Reference  15_time_zero.sql
CREATE OR REPLACE TABLE arm AS
SELECT
    site_id,
    patient_id,
    no_arm AS reason
FROM time_zero
WHERE arm IS NULL;
