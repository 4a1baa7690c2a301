-- implausible_value: results outside of the endpoint's plausible range.
--
-- Severity   warning
-- Grain      one row per result
-- Reads      measurement
-- Keeps      results set aside as implausible
-- Drops      all others
-- Caveat     a range that is too narrow hides the patients who are worst off: look at the values
-- Reference  the study file, endpoint.plausible
SELECT
    site_id,
    arm,
    patient_id
FROM measurement
WHERE set_aside = 'implausible';
