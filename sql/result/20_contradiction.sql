-- contradiction: results whose codes, unit and display name different things.
--
-- Grain      one row per contradicting result
-- Reads      coding, coded_twice, code_list, endpoint, code_meaning, contradiction_word
-- Keeps      the first of: codes_contradict (two codes that are reviewed to mean different things, or two
--            that belong to different endpoints), unit_contradicts (D-dimer in FEU under a code of DDU, and
--            the reverse), display_contradicts (a display or text that names another quantity)
-- Drops      nothing else: a code or a word that nobody has reviewed contradicts nothing
-- Caveat     which of the parts is wrong cannot be told, so none is trusted and nothing is repaired; a
--            unit of another dimension is found with the conversion (40_measurement.sql)
-- Reference  rwe/reviewed/code_meaning.csv, rwe/reviewed/contradiction_word.csv
CREATE OR REPLACE TEMP TABLE contradiction AS
WITH meant AS (
    SELECT
        c.site_id,
        c.observation_id,
        c.component,
        m.meaning,
        CONCAT_WS(' ', c.unit, c.unit_text) AS unit,
        CONCAT_WS(' ', c.display, c.text) AS display
    FROM coding AS c
    INNER JOIN code_meaning AS m ON c.system = m.system AND c.code = m.code
),

-- What is said is said of many results: each wording is looked at once.
wording AS (
    SELECT DISTINCT
        m.meaning,
        w.part,
        IF(w.part = 'unit', m.unit, m.display) AS said,
        w.names,
        w.but_not
    FROM meant AS m
    INNER JOIN contradiction_word AS w ON m.meaning = w.meaning
),

contradicting AS (
    SELECT DISTINCT
        meaning,
        part,
        said
    FROM wording
    WHERE REGEXP_MATCHES(said, names, 'i') AND NOT COALESCE(REGEXP_MATCHES(said, but_not, 'i'), FALSE)
),

listed AS (
    SELECT DISTINCT
        c.site_id,
        c.observation_id,
        c.component,
        c.system,
        c.code,
        m.meaning,
        e.endpoint,
        e.code_list
    FROM coding AS c
    SEMI JOIN coded_twice AS v
        ON c.site_id = v.site_id AND c.observation_id = v.observation_id AND c.component = v.component
    INNER JOIN code_list AS l ON c.system = l.system AND c.code = l.code
    INNER JOIN endpoint AS e ON l.code_list = e.code_list
    LEFT JOIN code_meaning AS m ON c.system = m.system AND c.code = m.code
),

found AS (
    SELECT
        m.site_id,
        m.observation_id,
        m.component,
        1 AS place,
        'codes_contradict' AS reason
    FROM meant AS m
    SEMI JOIN coded_twice AS v
        ON m.site_id = v.site_id AND m.observation_id = v.observation_id AND m.component = v.component
    GROUP BY ALL
    HAVING COUNT(DISTINCT m.meaning) > 1
    UNION ALL
    -- A code in both lists speaks for both endpoints.
    SELECT
        a.site_id,
        a.observation_id,
        a.component,
        1 AS place,
        'codes_contradict' AS reason
    FROM listed AS a
    INNER JOIN listed AS b
        ON
            a.site_id = b.site_id
            AND a.observation_id = b.observation_id
            AND a.component = b.component
            AND a.endpoint != b.endpoint
            AND COALESCE(a.meaning != b.meaning, TRUE)
    ANTI JOIN code_list AS l ON a.system = l.system AND a.code = l.code AND b.code_list = l.code_list
    ANTI JOIN code_list AS k ON b.system = k.system AND b.code = k.code AND a.code_list = k.code_list
    UNION ALL
    SELECT
        m.site_id,
        m.observation_id,
        m.component,
        IF(x.part = 'unit', 2, 3) AS place,
        x.part || '_contradicts' AS reason
    FROM meant AS m
    INNER JOIN contradicting AS x
        ON m.meaning = x.meaning AND x.said = IF(x.part = 'unit', m.unit, m.display)
)

SELECT
    site_id,
    observation_id,
    component,
    ARG_MIN(reason, place) AS reason
FROM found
GROUP BY ALL;
