-- ratio_as_percent: results recorded as a percentage that look like a ratio.
--
-- Severity   warning
-- Grain      one row per result
-- Reads      measurement
-- Keeps      results of at most the endpoint's ratio_up_to, recorded in %
-- Drops      all others
-- Caveat     0.78 is never made 78 %; a true percentage as small is set aside with it, so an endpoint has
--            this rule only where the study says so
-- Reference  the study file, endpoint.ratio_up_to
SELECT
    site_id,
    arm,
    patient_id
FROM measurement
WHERE set_aside = 'ratio_as_percent';
