-- unit_pair: the units that occur, each with the unit it is wanted in.
--
-- Grain      one row per pair of units
-- Reads      result, endpoint, medication_administration, study
-- Keeps      units of results and doses; each endpoint's unit and the dose's to itself
-- Drops      results and doses without a unit
-- Caveat     doses of every product, for it is not known here which is the study's
-- Reference  rwe/steps/units.py asks for each of them
CREATE OR REPLACE TABLE unit_pair AS
SELECT
    read_unit AS from_unit,
    endpoint_unit AS to_unit
FROM result
WHERE read_unit IS NOT NULL
UNION
SELECT
    unit AS from_unit,
    unit AS to_unit
FROM endpoint
UNION
SELECT
    CASE
        WHEN COALESCE(m.dose_unit_system = 'http://unitsofmeasure.org', TRUE)
            THEN COALESCE(m.dose_unit_code, m.dose_unit)
        ELSE COALESCE(m.dose_unit, m.dose_unit_code)
    END AS from_unit,
    s.dose_unit AS to_unit
FROM medication_administration AS m
CROSS JOIN study AS s
WHERE s.dose_unit IS NOT NULL AND COALESCE(m.dose_unit_code, m.dose_unit) IS NOT NULL
UNION
SELECT
    dose_unit AS from_unit,
    dose_unit AS to_unit
FROM study
WHERE dose_unit IS NOT NULL;
