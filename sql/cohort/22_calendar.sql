-- calendar: leaves out whose time zero lies outside of the declared calendar period.
--
-- Step       time zero in the calendar period
-- When       time_zero_from IS NOT NULL OR time_zero_to IS NOT NULL
-- Grain      one row per start left out (site_id, patient_id, start_number, reason)
-- Reads      start, study
-- Keeps      both ends of the period
-- Drops      time zero before or after it
-- Caveat     local dates, as recorded
-- Reference  contemporaneous control: both arms from the same period
CREATE OR REPLACE TABLE calendar AS
SELECT
    z.site_id,
    z.patient_id,
    z.start_number,
    IF(z.zero_date < s.time_zero_from, 'time zero before ', 'time zero after ')
    || IF(z.zero_date < s.time_zero_from, s.time_zero_from, s.time_zero_to) AS reason
FROM start AS z
CROSS JOIN study AS s
WHERE z.zero_date < s.time_zero_from OR z.zero_date > s.time_zero_to;
