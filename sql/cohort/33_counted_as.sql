-- counted_as: the arm under which what is recorded of a patient is counted.
--
-- Grain      one row per cohort patient (site_id, patient_id)
-- Reads      cohort
-- Keeps      treated where the patient is in both arms
-- Drops      nobody of the cohort
-- Caveat     of records that belong to no time zero, such as a link or a birth date; what has a place in
--            time is counted in the arm of that time
-- Reference  sql/check
CREATE OR REPLACE TEMP VIEW counted_as AS
SELECT
    site_id,
    patient_id,
    MAX(arm) AS arm
FROM cohort
GROUP BY site_id, patient_id;
