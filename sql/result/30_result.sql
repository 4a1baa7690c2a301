-- result: each recorded result of an endpoint, as recorded.
--
-- Grain      one row per result (an Observation or one of its components) and endpoint
-- Reads      coding, code_list, endpoint, default_unit
-- Keeps      all of them, with the code that made it a result of the endpoint; read_unit is the unit to
--            convert from: the recorded one, else the site's default where the study names one
-- Drops      codes of no endpoint
-- Caveat     of several codes of one endpoint the first in order is shown; they are one result
-- Reference  the study file, [[endpoint]] and [[default_unit]]
CREATE OR REPLACE TABLE result AS
WITH grouped AS (
    SELECT
        c.site_id,
        c.observation_id,
        c.component,
        e.endpoint,
        ANY_VALUE(c.patient_id) AS patient_id,
        ANY_VALUE(c.recorded) AS recorded,
        ANY_VALUE(c.value) AS value,
        ANY_VALUE(c.value_text) AS value_text,
        ANY_VALUE(c.comparator) AS comparator,
        ANY_VALUE(c.unit) AS unit,
        ANY_VALUE(c.unit_text) AS unit_text,
        MIN(STRUCT_PACK(system := c.system, code := c.code, display := COALESCE(c.display, c.text))) AS coded
    FROM coding AS c
    INNER JOIN code_list AS l ON c.system = l.system AND c.code = l.code
    INNER JOIN endpoint AS e ON l.code_list = e.code_list
    GROUP BY c.site_id, c.observation_id, c.component, e.endpoint
)

SELECT
    c.site_id,
    c.patient_id,
    c.observation_id,
    c.component,
    c.recorded,
    c.value,
    c.value_text,
    c.comparator,
    c.unit,
    c.unit_text,
    c.endpoint,
    e.unit AS endpoint_unit,
    e.low,
    e.high,
    e.ratio_up_to,
    STRUCT_EXTRACT(c.coded, 'system') AS system,
    STRUCT_EXTRACT(c.coded, 'code') AS code,
    STRUCT_EXTRACT(c.coded, 'display') AS display,
    COALESCE(c.unit, d.unit) AS read_unit
FROM grouped AS c
INNER JOIN endpoint AS e ON c.endpoint = e.endpoint
LEFT JOIN default_unit AS d ON c.site_id = d.site_id AND c.endpoint = d.endpoint;
