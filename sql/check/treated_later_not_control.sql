-- treated_later_not_control: treated patients who before it were in somebody's risk set, and no candidates.
--
-- Severity   warning
-- Grain      one row per treated patient
-- Reads      time_zero, study
-- Keeps      patients who were not yet treated as many days after their anchor as another treated patient of
--            the site was, within the calendar days; by dates, without a shift
-- Drops      all where controls are not drawn from a risk set, or future_treated is declared
-- Caveat     on that day nobody could know that they would be treated: the more there are, the more the
--            controls are those who were never going to be.  With future_treated they serve until their own
--            infusion
-- Reference  16_risk_set.sql; Lu B. Biometrics 2005;61:721-8 (risk sets with the not yet treated)
SELECT DISTINCT
    z.site_id,
    z.arm,
    z.patient_id
FROM time_zero AS z
INNER JOIN study AS s ON s.control_time_zero = 'risk-set' AND NOT s.future_treated
INNER JOIN time_zero AS t
    ON
        z.site_id = t.site_id
        AND z.patient_id != t.patient_id
        AND DATE_DIFF('day', t.anchor_date, t.zero_date) < DATE_DIFF('day', z.anchor_date, z.zero_date)
        AND ABS(DATE_DIFF('day', t.anchor_date, z.anchor_date)) <= s.calendar_days
WHERE z.arm = 'treated' AND t.arm = 'treated';
