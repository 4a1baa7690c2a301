-- value_row: what `rwe export` gives of each endpoint at each visit, before the id becomes a pseudonym.
--
-- Grain      one row per cohort patient, arm, endpoint and visit (baseline is one)
-- Reads      endpoint_value, cohort, endpoint
-- Keeps      the value that is analysed, its day from time zero, or why there is none
-- Drops      the date, the id of the Observation, values that no visit took
-- Caveat     of a limit (`<L`) the value is the number next to it, so that ranks are those of rwe compare;
--            day is a difference of calendar dates
-- Reference  sql/endpoint: one value per patient, endpoint and visit
CREATE OR REPLACE TEMP TABLE value_row AS
SELECT
    v.site_id,
    v.patient_id,
    v.arm,
    v.stratum,
    v.endpoint,
    v.visit,
    v.is_baseline,
    DATE_DIFF('day', h.zero_date, v.measured_date) AS day,
    v.value,
    v.comparator,
    e.unit,
    v.missing,
    v.set_aside
FROM endpoint_value AS v
INNER JOIN cohort AS h ON v.site_id = h.site_id AND v.patient_id = h.patient_id AND v.arm = h.arm
INNER JOIN endpoint AS e ON v.endpoint = e.endpoint;
