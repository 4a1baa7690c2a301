-- one_arm_site: sites and strata in which only one arm has patients.
--
-- Severity   warning
-- Grain      one row per patient without a counterpart
-- Reads      cohort
-- Keeps      patients of a site and stratum that has no patient of the other arm
-- Drops      all others
-- Caveat     there, arm and site cannot be told apart
-- Reference  positivity: Hernán MA, Robins JM. Causal Inference: What If, ch. 3
SELECT
    site_id,
    arm,
    patient_id
FROM cohort
QUALIFY
    MIN(arm) OVER (PARTITION BY site_id, stratum) = MAX(arm) OVER (PARTITION BY site_id, stratum);
