-- coding: every code of each result that has a code of an endpoint.
--
-- Grain      one row per result (an Observation or one of its components) and coding of its code, and again
--            where the mapping has several: for each coding of a coded value, for a coding given twice
-- Reads      observation, observation_component, code_list, endpoint
-- Keeps      final, amended and corrected Observations; all codings of such a result
-- Drops      other statuses: they are no results
-- Caveat     a unit's code counts where its system is UCUM or is not named; else the unit's text does, since
--            258683005 is a kilogram in SNOMED CT and a number in UCUM
-- Reference  FHIR Observation.status, Quantity.system
CREATE OR REPLACE TEMP TABLE coding AS
WITH wanted AS (
    SELECT DISTINCT
        c.system,
        c.code
    FROM code_list AS c
    SEMI JOIN endpoint AS e ON c.code_list = e.code_list
),

hit AS (
    SELECT
        o.site_id,
        o.observation_id,
        -1 AS component
    FROM observation AS o
    SEMI JOIN wanted AS w ON o.system = w.system AND o.code = w.code
    UNION ALL
    SELECT
        o.site_id,
        o.observation_id,
        o.component_index AS component
    FROM observation_component AS o
    SEMI JOIN wanted AS w ON o.system = w.system AND o.code = w.code
),

recorded AS (
    SELECT
        o.site_id,
        o.patient_id,
        o.observation_id,
        -1 AS component,
        COALESCE(o.effective, o.effective_instant, o.effective_start) AS recorded,
        o.value,
        o.value_text,
        o.comparator,
        o.unit AS unit_text,
        o.unit_code,
        o.unit_system,
        o.system,
        o.code,
        o.display,
        o.text
    FROM observation AS o
    SEMI JOIN hit AS h
        ON o.site_id = h.site_id AND o.observation_id = h.observation_id AND h.component = -1
    WHERE o.status IN ('final', 'amended', 'corrected')
    UNION ALL
    SELECT
        o.site_id,
        o.patient_id,
        o.observation_id,
        o.component_index AS component,
        COALESCE(o.effective, o.effective_instant, o.effective_start) AS recorded,
        o.value,
        o.value_text,
        o.comparator,
        o.unit AS unit_text,
        o.unit_code,
        o.unit_system,
        o.system,
        o.code,
        o.display,
        o.text
    FROM observation_component AS o
    SEMI JOIN hit AS h
        ON o.site_id = h.site_id AND o.observation_id = h.observation_id AND o.component_index = h.component
    WHERE o.status IN ('final', 'amended', 'corrected')
)

SELECT
    site_id,
    patient_id,
    observation_id,
    component,
    recorded,
    value,
    value_text,
    comparator,
    CASE
        WHEN COALESCE(unit_system = 'http://unitsofmeasure.org', TRUE) THEN COALESCE(unit_code, unit_text)
        ELSE COALESCE(unit_text, unit_code)
    END AS unit,
    unit_text,
    system,
    code,
    display,
    text
FROM recorded;
