-- time_zero: the arm and time zero of each candidate.
--
-- Grain      one row per patient with an anchor (site_id, patient_id)
-- Reads      anchor, infusion, coded_event, study
-- Keeps      treated: the first infusion that counts; control: never the product, and time zero by the
--            declared rule (the anchor, or the first enrolment record; in a risk set it is not known yet);
--            given_at, given_date: of that infusion, also where it gives no arm, the instant only where no
--            other of the day lacks its time; is_uncertain: an infusion
--            that may have happened, at any time
-- Drops      nobody: a patient who is neither has no arm, and no_arm says why
-- Caveat     to require the later infusions would select those who lived to get them; an infusion that
--            does not count and came before the first that does is not held against a patient
-- Reference  Suissa S. Am J Epidemiol 2008;167:492-9 (immortal time)
CREATE OR REPLACE TABLE time_zero AS
WITH start AS (
    SELECT
        site_id,
        patient_id,
        'infusion' AS kind,
        given_at AS started_at,
        given_date AS started_date
    FROM infusion
    WHERE verdict = 'counts'
    UNION ALL
    SELECT
        e.site_id,
        e.patient_id,
        'enrolment' AS kind,
        e.happened_at AS started_at,
        e.happened_date AS started_date
    FROM coded_event AS e
    INNER JOIN study AS s ON e.source = s.control_source AND e.code_list = s.control_codes
    WHERE e.element = 'code' AND e.happened_date IS NOT NULL
),

earliest AS (
    SELECT
        site_id,
        patient_id,
        kind,
        MIN(started_at) AS timed_at,
        ARG_MIN(started_date, (EPOCH_US(started_at), started_date))
        FILTER (WHERE started_at IS NOT NULL) AS timed_date,
        MIN(started_date) FILTER (WHERE started_at IS NULL) AS untimed_date
    FROM start
    GROUP BY ALL
),

first_start AS (
    SELECT
        site_id,
        patient_id,
        kind,
        IF(untimed_date < timed_date, NULL, timed_at) AS started_at,
        IF(untimed_date <= timed_date, NULL, timed_at) AS certain_at,
        LEAST(timed_date, untimed_date) AS started_date
    FROM earliest
),

doubt AS (
    SELECT DISTINCT
        site_id,
        patient_id
    FROM infusion
    WHERE verdict = 'uncertain'
),

candidate AS (
    SELECT
        a.site_id,
        a.patient_id,
        a.anchor_at,
        a.anchor_date,
        f.started_at AS given_at,
        f.certain_at,
        f.started_date AS given_date,
        u.patient_id IS NOT NULL AS is_uncertain,
        CASE s.control_time_zero WHEN 'anchor' THEN a.anchor_at WHEN 'enrolment' THEN e.started_at END
            AS control_at,
        CASE s.control_time_zero WHEN 'anchor' THEN a.anchor_date WHEN 'enrolment' THEN e.started_date END
            AS control_date,
        s.control_time_zero,
        s.first_dose_from,
        s.first_dose_to,
        s.days,
        CASE
            WHEN s.days = 'instant' AND f.started_at IS NOT NULL AND a.anchor_at IS NOT NULL
                THEN (EPOCH_US(f.started_at) - EPOCH_US(a.anchor_at)) / 86400e6
            ELSE DATE_DIFF('day', a.anchor_date, f.started_date)
        END AS days_to_first_dose
    FROM anchor AS a
    CROSS JOIN study AS s
    LEFT JOIN first_start AS f
        ON a.site_id = f.site_id AND a.patient_id = f.patient_id AND f.kind = 'infusion'
    LEFT JOIN first_start AS e
        ON a.site_id = e.site_id AND a.patient_id = e.patient_id AND e.kind = 'enrolment'
    LEFT JOIN doubt AS u ON a.site_id = u.site_id AND a.patient_id = u.patient_id
),

assigned AS (
    SELECT
        *,
        CASE
            WHEN days_to_first_dose < first_dose_from OR days_to_first_dose > first_dose_to
                THEN 'first dose outside of the declared days from the anchor'
            WHEN given_date IS NOT NULL THEN NULL
            WHEN is_uncertain THEN 'the product may have been given, but not so that it counts'
            WHEN control_date IS NULL AND control_time_zero != 'risk-set'
                THEN 'neither treated nor enrolled as control'
        END AS no_arm
    FROM candidate
)

SELECT
    site_id,
    patient_id,
    anchor_at,
    anchor_date,
    certain_at AS given_at,
    given_date,
    is_uncertain,
    no_arm,
    CASE WHEN no_arm IS NULL THEN IF(given_date IS NULL, 'control', 'treated') END AS arm,
    CASE WHEN no_arm IS NULL THEN IF(given_date IS NULL, control_at, given_at) END AS zero_at,
    CASE WHEN no_arm IS NULL THEN COALESCE(given_date, control_date) END AS zero_date
FROM assigned;
