-- empty_cohort: nobody is left in the cohort.
--
-- Severity   error
-- Grain      one row per site
-- Reads      site, cohort
-- Keeps      all sites, where the whole cohort is empty
-- Drops      all others
-- Caveat     the attrition tells at which step they left; every comparison is not estimable
-- Reference  31_attrition.sql
SELECT
    site_id,
    CAST(NULL AS VARCHAR) AS arm,
    CAST(NULL AS VARCHAR) AS patient_id
FROM site
WHERE NOT EXISTS (SELECT 1 FROM cohort);
