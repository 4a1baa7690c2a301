-- event_row: what `rwe export` gives of each adverse event, before the id becomes a pseudonym.
--
-- Grain      one row per event of the cohort on or after time zero, and arm (site_id, adverse_event_id, arm)
-- Reads      event, adverse_event, infusion_event
-- Keeps      the code of what happened, with its system: of several codings the first by system and code
-- Drops      the term: displays and texts are free; codes that are none by their signs; the date
-- Caveat     an event without a usable code keeps its row, its day and its degrees.  What relates to an
--            infusion is NULL in controls, who have none
-- Reference  FHIR code: no blanks but single ones; here none at all
CREATE OR REPLACE TEMP TABLE event_row AS
WITH coded AS (
    SELECT
        site_id,
        adverse_event_id,
        MIN(ROW(system, code)) AS first_coding
    FROM adverse_event
    WHERE
        REGEXP_FULL_MATCH(system, '[A-Za-z]+:[!-~]{1,200}')
        AND REGEXP_FULL_MATCH(code, '[A-Za-z0-9._-]{1,40}')
    GROUP BY ALL
)

SELECT
    e.site_id,
    e.patient_id,
    e.arm,
    e.stratum,
    e.day,
    STRUCT_EXTRACT(c.first_coding, 1) AS system,
    STRUCT_EXTRACT(c.first_coding, 2) AS code,
    CASE WHEN e.seriousness_code IN ('serious', 'non-serious') THEN e.seriousness_code END AS seriousness,
    e.severity,
    e.grade,
    e.causality,
    i.within_24_hours,
    i.perhaps_within_24_hours,
    i.suspected,
    i.suspected_related
FROM event AS e
LEFT JOIN coded AS c ON e.site_id = c.site_id AND e.adverse_event_id = c.adverse_event_id
LEFT JOIN infusion_event AS i
    ON e.site_id = i.site_id AND e.adverse_event_id = i.adverse_event_id AND e.arm = 'treated';
