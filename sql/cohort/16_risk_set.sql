-- risk_set: who could stand beside each treated patient as its control, and from when.
--
-- Grain      one row per treated patient, candidate and shift (site_id, treated_id, patient_id, shift)
-- Reads      time_zero, anchor, study
-- Keeps      candidates of the same site: never treated, and where the study declares future_treated also not
--            yet treated, each from times zero before its own infusion; time zero is their own anchor and the
--            treated patient's days since the anchor, shifted by whole days up to within_days, and within
--            calendar_days of the treated patient's; both ends of both are included
-- Drops      all where the study declares another rule; time zero outside of the declared days of the first
--            dose, or before the anchor where the treated patient's is not
-- Caveat     without future_treated who is treated later is no candidate: nobody can know that on the day,
--            so the controls are a little those who were not going to be treated.  An infusion that may have
--            happened, whenever, makes nobody a candidate; nor does a time zero on the day of the infusion
--            where a time of day is missing.  Eligibility, hospital and severity are judged at each of these
--            times zero by the steps 22 to 27, and 28_draw.sql draws from what is left
-- Reference  Hernán MA, Robins JM. Am J Epidemiol 2016;183:758-64; Suissa S. Am J Epidemiol 2008;167:492-9;
--            Lu B. Biometrics 2005;61:721-8 (risk sets with the not yet treated)
CREATE OR REPLACE TABLE risk_set AS
WITH candidate AS (
    SELECT
        z.site_id,
        z.patient_id,
        z.anchor_at,
        z.anchor_date,
        a.anchor_clock,
        z.given_at,
        z.given_date
    FROM time_zero AS z
    INNER JOIN study AS s ON s.control_time_zero = 'risk-set'
    INNER JOIN anchor AS a ON z.site_id = a.site_id AND z.patient_id = a.patient_id
    WHERE
        z.arm = 'control'
        OR (s.future_treated AND z.given_date IS NOT NULL AND NOT z.is_uncertain)
),

shift AS (
    SELECT UNNEST(RANGE(-within_days, within_days + 1)) AS shift
    FROM study
),

pair AS (
    SELECT
        c.site_id,
        t.patient_id AS treated_id,
        c.patient_id,
        c.anchor_at,
        c.anchor_date,
        c.anchor_clock,
        c.given_at,
        c.given_date,
        DATE_DIFF('day', t.anchor_date, t.zero_date) AS days,
        DATE_DIFF('day', t.anchor_date, c.anchor_date) AS days_apart,
        CASE
            WHEN s.days = 'instant' AND c.anchor_at IS NOT NULL
                THEN EPOCH_US(t.zero_at) - EPOCH_US(t.anchor_at)
        END AS elapsed,
        EPOCH_US(c.anchor_at) - EPOCH_US(t.anchor_at) AS apart
    FROM candidate AS c
    CROSS JOIN study AS s
    INNER JOIN time_zero AS t
        ON
            c.site_id = t.site_id
            AND c.patient_id != t.patient_id
            AND t.arm = 'treated'
            AND ABS(DATE_DIFF('day', t.anchor_date, c.anchor_date)) <= s.calendar_days + s.within_days + 2
),

placed AS (
    SELECT
        p.site_id,
        p.treated_id,
        p.patient_id,
        p.given_at,
        p.given_date,
        h.shift,
        p.anchor_at + TO_MICROSECONDS(p.elapsed + h.shift * 86400000000) AS zero_at,
        CASE
            WHEN p.elapsed IS NULL THEN p.anchor_date + CAST(p.days + h.shift AS INTEGER)
            -- By the clock of the anchor: a date is what a day was called there.
            ELSE CAST(p.anchor_clock + TO_MICROSECONDS(p.elapsed + h.shift * 86400000000) AS DATE)
        END AS zero_date,
        COALESCE(p.elapsed / 86400e6, p.days) AS days_of_treated,
        COALESCE(p.elapsed / 86400e6, p.days) + h.shift AS days_from_anchor,
        IF(p.elapsed IS NULL, p.days_apart, p.apart / 86400e6) + h.shift AS calendar_days
    FROM pair AS p
    CROSS JOIN shift AS h
)

SELECT
    p.site_id,
    p.treated_id,
    p.patient_id,
    p.shift,
    DENSE_RANK() OVER (
        PARTITION BY p.site_id, p.patient_id ORDER BY p.zero_date, EPOCH_US(p.zero_at) NULLS FIRST
    ) AS start_number,
    p.zero_at,
    p.zero_date
FROM placed AS p
CROSS JOIN study AS s
WHERE
    ABS(p.calendar_days) <= s.calendar_days
    AND p.days_from_anchor >= LEAST(0, p.days_of_treated)
    AND p.days_from_anchor >= COALESCE(s.first_dose_from, p.days_from_anchor)
    AND p.days_from_anchor <= COALESCE(s.first_dose_to, p.days_from_anchor)
    AND COALESCE(p.zero_at < p.given_at, p.zero_date < p.given_date, TRUE);
