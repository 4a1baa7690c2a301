-- arm: leaves out who is neither treated nor control.
--
-- Step       treated or control
-- Grain      one row per start left out (site_id, patient_id, start_number, reason)
-- Reads      start
-- Keeps      patients with an arm
-- Drops      uncertain infusions, first doses at another time, no enrolment as control, no risk set
-- Caveat     an uncertain infusion makes nobody a control
-- Reference  15_time_zero.sql, 17_start.sql
CREATE OR REPLACE TABLE arm AS
SELECT
    site_id,
    patient_id,
    start_number,
    no_arm AS reason
FROM start
WHERE arm IS NULL;
