-- one_arm_month: months in which only one arm of a site and stratum has patients.
--
-- Severity   info
-- Grain      one row per patient without a counterpart of the same month
-- Reads      cohort
-- Keeps      patients whose site and stratum has nobody of the other arm with time zero in that month
-- Drops      all others
-- Caveat     waves of the disease and their care differ by month: there, arm and time cannot be told apart;
--            counterparts a day apart may lie in two months
-- Reference  contemporaneous control: both arms from the same period
SELECT
    site_id,
    arm,
    patient_id
FROM cohort
QUALIFY
    MIN(arm) OVER (PARTITION BY site_id, stratum, DATE_TRUNC('month', zero_date))
    = MAX(arm) OVER (PARTITION BY site_id, stratum, DATE_TRUNC('month', zero_date));
