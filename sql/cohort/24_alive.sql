-- alive: leaves out who is recorded as dead before time zero.
--
-- Step       alive at time zero
-- When       alive_at_time_zero OR control_time_zero = 'risk-set'
-- Grain      one row per start left out (site_id, patient_id, start_number, reason)
-- Reads      start, person
-- Keeps      deaths on the day of time zero when either has no time of day
-- Drops      deaths before time zero
-- Caveat     a death without a day cannot be judged and stays
-- Reference  a time zero after death is an error of the record, or a trap of immortal time
CREATE OR REPLACE TABLE alive AS
SELECT
    z.site_id,
    z.patient_id,
    z.start_number,
    'dead before time zero' AS reason
FROM start AS z
INNER JOIN person AS p ON z.site_id = p.site_id AND z.patient_id = p.patient_id
WHERE COALESCE(p.death_at < z.zero_at, p.death_date < z.zero_date);
