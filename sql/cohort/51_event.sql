-- event: adverse events of the cohort, on or after time zero.
--
-- Grain      one row per AdverseEvent (site_id, adverse_event_id)
-- Reads      adverse_event, cohort, study
-- Keeps      actual events with an onset from time zero to the declared last day, both included
-- Drops      potential events; those entered in error (R5); onset before time zero or not known
-- Caveat     onset falls back on when it was detected, then recorded; the term is the display of a
--            coding (the first by name), else the text, else the code
-- Reference  ICH E9: treatment-emergent events
CREATE OR REPLACE TABLE event AS
WITH dated AS (
    SELECT
        site_id,
        patient_id,
        adverse_event_id,
        COALESCE(occurrence, occurrence_start, detected, recorded_date) AS recorded,
        seriousness_code,
        COALESCE(MIN(display), MIN(text), MIN(code), 'not stated') AS term
    FROM adverse_event
    WHERE actuality = 'actual' AND COALESCE(status, 'completed') != 'entered-in-error'
    GROUP BY ALL
),

onset AS (
    SELECT
        * EXCLUDE (recorded),
        CASE WHEN LENGTH(recorded) > 10 THEN TRY_CAST(recorded AS TIMESTAMPTZ) END AS onset_at,
        CASE WHEN LENGTH(recorded) >= 10 THEN TRY_CAST(LEFT(recorded, 10) AS DATE) END AS onset_date
    FROM dated
)

SELECT
    o.site_id,
    o.patient_id,
    o.adverse_event_id,
    h.arm,
    h.stratum,
    o.term,
    o.seriousness_code,
    DATE_DIFF('day', h.zero_date, o.onset_date) AS day
FROM onset AS o
INNER JOIN cohort AS h ON o.site_id = h.site_id AND o.patient_id = h.patient_id
CROSS JOIN study AS s
WHERE
    COALESCE(o.onset_at >= h.zero_at, o.onset_date >= h.zero_date)
    AND DATE_DIFF('day', h.zero_date, o.onset_date) <= s.events_until_day;
