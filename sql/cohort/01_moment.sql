-- moment: what each date or time, as it was recorded, says and leaves open.
--
-- Grain      one row per text (recorded)
-- Reads      patient, encounter, condition, observation, medication_administration, adverse_event
-- Keeps      dates and times of every precision: year, month, day or time
-- Drops      texts that are no date
-- Caveat     instant and local_clock (as written, without its zone) are known of a time only, local_date of a
--            day or a time; a year or month is from_date to to_date, and never its first day.  Made here and
--            not in the mappings, since lowBoundary() is experimental there, many runners lack it, and it
--            gives no precision
-- Reference  FHIR dateTime: YYYY, YYYY-MM, YYYY-MM-DD, or a time with its zone
CREATE OR REPLACE TEMP TABLE moment AS
WITH text AS (
    SELECT UNNEST([birth_date, deceased_datetime]) AS recorded
    FROM patient
    UNION
    SELECT UNNEST([period_start, period_end]) AS recorded
    FROM encounter
    UNION
    SELECT UNNEST([onset, onset_start, recorded_date]) AS recorded
    FROM condition
    UNION
    SELECT COALESCE(effective, effective_instant, effective_start) AS recorded
    FROM observation
    UNION
    SELECT UNNEST([COALESCE(effective, effective_start), effective_end]) AS recorded
    FROM medication_administration
    UNION
    SELECT COALESCE(occurrence, occurrence_start, detected, recorded_date) AS recorded
    FROM adverse_event
),

bound AS (
    SELECT
        recorded,
        CASE LENGTH(recorded)
            WHEN 4 THEN 'year' WHEN 7 THEN 'month' WHEN 10 THEN 'day' ELSE 'time'
        END AS precision,
        TRY_CAST(RPAD(LEFT(recorded, 10), 10, '-01-01') AS DATE) AS from_date
    FROM text
)

SELECT
    recorded,
    precision,
    CASE WHEN precision = 'time' THEN TRY_CAST(recorded AS TIMESTAMPTZ) END AS instant,
    CASE WHEN precision IN ('day', 'time') THEN from_date END AS local_date,
    CASE
        WHEN precision = 'time'
            THEN TRY_CAST(REGEXP_REPLACE(recorded, '(Z|[+-][0-9:]+)$', '') AS TIMESTAMP)
    END AS local_clock,
    from_date,
    CAST(
        CASE precision
            WHEN 'year' THEN from_date + INTERVAL 1 YEAR - INTERVAL 1 DAY
            WHEN 'month' THEN LAST_DAY(from_date)
            ELSE from_date
        END AS DATE
    ) AS to_date
FROM bound
WHERE from_date IS NOT NULL;
