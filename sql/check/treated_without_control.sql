-- treated_without_control: treated patients beside whom no control was drawn.
--
-- Severity   warning
-- Grain      one row per treated patient
-- Reads      cohort, draw, study
-- Keeps      treated patients of the cohort whose risk set was empty or taken by others
-- Drops      all where controls are not drawn from a risk set
-- Caveat     they stay in the analysis: to leave them out would change whom the effect is of
-- Reference  28_draw.sql
SELECT
    c.site_id,
    c.arm,
    c.patient_id
FROM cohort AS c
INNER JOIN study AS s ON s.control_time_zero = 'risk-set'
ANTI JOIN draw AS d ON c.site_id = d.site_id AND c.patient_id = d.treated_id AND d.is_drawn
WHERE c.arm = 'treated';
