-- result: each recorded result of an endpoint, as recorded.
--
-- Grain      one row per result (an Observation or one of its components) and endpoint
-- Reads      coding, coded_twice, code_list, endpoint, default_unit
-- Keeps      all of them, with the code that made it a result of the endpoint; read_unit is the unit to
--            convert from: the recorded one, else the site's default where the study names one
-- Drops      codes of no endpoint
-- Caveat     of several codes of one endpoint the first in order is shown; they are one result
-- Reference  the study file, [[endpoint]] and [[default_unit]]
CREATE OR REPLACE TEMP TABLE result AS
WITH listed AS (
    SELECT
        c.*,
        e.endpoint,
        t.observation_id IS NOT NULL AS is_twice
    FROM coding AS c
    INNER JOIN code_list AS l ON c.system = l.system AND c.code = l.code
    INNER JOIN endpoint AS e ON l.code_list = e.code_list
    LEFT JOIN coded_twice AS t
        ON c.site_id = t.site_id AND c.observation_id = t.observation_id AND c.component = t.component
),

once AS (
    FROM listed
    WHERE NOT is_twice
    UNION ALL
    FROM listed
    WHERE is_twice
    QUALIFY
        ROW_NUMBER() OVER (
            PARTITION BY site_id, observation_id, component, endpoint
            ORDER BY ROW(system, code, COALESCE(display, text))
        ) = 1
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
    c.system,
    c.code,
    COALESCE(c.display, c.text) AS display,
    COALESCE(c.unit, d.unit) AS read_unit
FROM once AS c
INNER JOIN endpoint AS e ON c.endpoint = e.endpoint
LEFT JOIN default_unit AS d ON c.site_id = d.site_id AND c.endpoint = d.endpoint;
