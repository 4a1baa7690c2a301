-- onset: adverse events of the cohort, with when they began.
--
-- Grain      one row per AdverseEvent and arm of its patient (site_id, adverse_event_id, arm)
-- Reads      adverse_event, cohort, moment, event_word
-- Keeps      actual events at any time
-- Drops      potential events; those entered in error (R5); events of others; of a control who is treated
--            later, those from the own infusion on
-- Caveat     onset falls back on when it was detected, then recorded, and onset_date is NULL where that is
--            no day; the term is the display of a coding (the first by name), else the text, else the
--            code; of several codings of the seriousness `serious` holds: a grade may stand beside it, and
--            is one only by its code system.  Of several severities, grades or causalities the highest; NULL
--            where none is recorded (R5 has no severity), `other` where no reviewed code says what it is
-- Reference  FHIR AdverseEvent.actuality, .occurrence, .suspectEntity.causality; CTCAE; WHO-UMC causality
CREATE OR REPLACE TABLE onset AS
WITH actual AS (
    SELECT
        a.site_id,
        a.patient_id,
        a.adverse_event_id,
        COALESCE(a.occurrence, a.occurrence_start, a.detected, a.recorded_date) AS recorded,
        COALESCE(
            MIN('serious') FILTER (WHERE LOWER(a.seriousness_code) = 'serious'),
            MIN(LOWER(a.seriousness_code))
        ) AS seriousness_code,
        COALESCE(MIN(a.display), MIN(a.text), MIN(a.code), 'not stated') AS term,
        COALESCE(
            ARG_MAX(v.word, v.level), CASE WHEN COUNT(a.severity_code) > 0 THEN 'other' END
        ) AS severity,
        COALESCE(
            ARG_MAX(COALESCE(g.word, s.word), COALESCE(g.level, s.level)),
            CASE WHEN COUNT(a.grade_code) > 0 THEN 'other' END
        ) AS grade,
        COALESCE(
            ARG_MAX(c.word, c.level), CASE WHEN COUNT(a.causality_code) > 0 THEN 'other' END
        ) AS causality
    FROM adverse_event AS a
    LEFT JOIN event_word AS v
        ON v.kind = 'severity' AND a.severity_system = v.system AND LOWER(a.severity_code) = v.code
    LEFT JOIN event_word AS g
        ON g.kind = 'grade' AND a.grade_system = g.system AND LOWER(a.grade_code) = g.code
    LEFT JOIN event_word AS s
        ON s.kind = 'grade' AND a.seriousness_system = s.system AND LOWER(a.seriousness_code) = s.code
    LEFT JOIN event_word AS c
        ON c.kind = 'causality' AND a.causality_system = c.system AND LOWER(a.causality_code) = c.code
    WHERE a.actuality = 'actual' AND COALESCE(a.status, 'completed') != 'entered-in-error'
    GROUP BY ALL
),

dated AS (
    SELECT
        a.site_id,
        a.patient_id,
        a.adverse_event_id,
        a.seriousness_code,
        a.term,
        a.severity,
        a.grade,
        a.causality,
        t.instant AS onset_at,
        t.local_date AS onset_date
    FROM actual AS a
    LEFT JOIN moment AS t ON a.recorded = t.recorded
)

SELECT
    d.site_id,
    d.patient_id,
    d.adverse_event_id,
    h.arm,
    h.stratum,
    d.term,
    d.seriousness_code,
    d.severity,
    d.grade,
    d.causality,
    d.onset_at,
    d.onset_date,
    DATE_DIFF('day', h.zero_date, d.onset_date) AS day,
    COALESCE(d.onset_at >= h.zero_at, d.onset_date >= h.zero_date, FALSE) AS from_zero,
    COALESCE(d.onset_at > h.death_at, d.onset_date > h.death_date, FALSE) AS after_death
FROM dated AS d
INNER JOIN cohort AS h ON d.site_id = h.site_id AND d.patient_id = h.patient_id
WHERE COALESCE(d.onset_at < h.censor_at, d.onset_date < h.censor_date, TRUE);
