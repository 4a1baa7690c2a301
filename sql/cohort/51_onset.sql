-- onset: adverse events of the cohort, with when they began.
--
-- Grain      one row per AdverseEvent (site_id, adverse_event_id)
-- Reads      adverse_event, cohort, moment
-- Keeps      actual events at any time
-- Drops      potential events; those entered in error (R5); events of others
-- Caveat     onset falls back on when it was detected, then recorded, and onset_date is NULL where that is
--            no day; the term is the display of a coding (the first by name), else the text, else the
--            code; of several codings of the seriousness `serious` holds: a grade may stand beside it
-- Reference  FHIR AdverseEvent.actuality, .occurrence
CREATE OR REPLACE TABLE onset AS
WITH actual AS (
    SELECT
        site_id,
        patient_id,
        adverse_event_id,
        COALESCE(occurrence, occurrence_start, detected, recorded_date) AS recorded,
        COALESCE(
            MIN(seriousness_code) FILTER (WHERE seriousness_code = 'serious'), MIN(seriousness_code)
        ) AS seriousness_code,
        COALESCE(MIN(display), MIN(text), MIN(code), 'not stated') AS term
    FROM adverse_event
    WHERE actuality = 'actual' AND COALESCE(status, 'completed') != 'entered-in-error'
    GROUP BY ALL
),

dated AS (
    SELECT
        a.site_id,
        a.patient_id,
        a.adverse_event_id,
        a.seriousness_code,
        a.term,
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
    d.onset_date,
    DATE_DIFF('day', h.zero_date, d.onset_date) AS day,
    COALESCE(d.onset_at >= h.zero_at, d.onset_date >= h.zero_date, FALSE) AS from_zero,
    COALESCE(d.onset_at > h.death_at, d.onset_date > h.death_date, FALSE) AS after_death
FROM dated AS d
INNER JOIN cohort AS h ON d.site_id = h.site_id AND d.patient_id = h.patient_id;
