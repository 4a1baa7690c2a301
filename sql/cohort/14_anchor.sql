-- anchor: the record that makes a patient a candidate, the earliest of the population's codes.
--
-- Grain      one row per patient with such a record (site_id, patient_id)
-- Reads      coded_event, study
-- Keeps      the earliest instant; a record with a date only goes first if its date is earlier still
-- Drops      records without a day; for a numeric population, Observations without a number
-- Caveat     the record's date is when it happened as recorded, not when it was known; anchor_clock is what
--            its clock showed
-- Reference  Hernán MA, Robins JM. Am J Epidemiol 2016;183:758-64 (eligibility and time zero)
CREATE OR REPLACE TABLE anchor AS
WITH earliest AS (
    SELECT
        e.site_id,
        e.patient_id,
        MIN(e.happened_at) AS timed_at,
        ARG_MIN(e.happened_date, (EPOCH_US(e.happened_at), e.happened_date))
        FILTER (WHERE e.happened_at IS NOT NULL) AS timed_date,
        ARG_MIN(e.happened_clock, (EPOCH_US(e.happened_at), e.happened_date, e.happened_clock))
        FILTER (WHERE e.happened_clock IS NOT NULL) AS timed_clock,
        MIN(e.happened_date) FILTER (WHERE e.happened_at IS NULL) AS untimed_date
    FROM coded_event AS e
    INNER JOIN study AS s
        ON
            e.source = s.population_source
            AND e.code_list = s.population_codes
            AND (e.is_numeric OR NOT s.population_numeric)
    WHERE e.element = 'code' AND e.happened_date IS NOT NULL
    GROUP BY e.site_id, e.patient_id
)

SELECT
    site_id,
    patient_id,
    IF(untimed_date < timed_date, NULL, timed_at) AS anchor_at,
    LEAST(timed_date, untimed_date) AS anchor_date,
    IF(untimed_date < timed_date, NULL, timed_clock) AS anchor_clock
FROM earliest;
