-- uncertain_infusion_before: treated patients whom an infusion may have reached before time zero.
--
-- Severity   warning
-- Grain      one row per treated patient
-- Reads      infusion, cohort
-- Keeps      patients with an uncertain infusion before time zero, or on its day or on no day without a
--            time that would tell
-- Drops      all others
-- Caveat     if it did happen, time zero is late and the patient is no new user
-- Reference  15_time_zero.sql
SELECT
    c.site_id,
    c.arm,
    c.patient_id
FROM cohort AS c
SEMI JOIN infusion AS i
    ON
        c.site_id = i.site_id
        AND c.patient_id = i.patient_id
        AND i.verdict = 'uncertain'
        AND COALESCE(c.zero_at > i.given_at, c.zero_date >= i.given_date, TRUE)
WHERE c.arm = 'treated';
