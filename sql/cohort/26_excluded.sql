-- excluded: leaves out who meets a declared exclusion before time zero.
--
-- Step       no declared exclusion
-- When       EXISTS (SELECT 1 FROM exclusion)
-- Grain      one row per start left out (site_id, patient_id, start_number, reason): the first exclusion
-- Reads      start, coded_event, exclusion
-- Keeps      patients without such a record, or with it after time zero or before the look-back
-- Drops      patients with a record of an exclusion's codes before time zero
-- Caveat     a record of the same day without a time of day is not known to be before, and stays; a year
--            or month counts when all of it lies before, and within the look-back
-- Reference  washout and new-user design: Ray WA. Am J Epidemiol 2003;158:915-20
CREATE OR REPLACE TABLE excluded AS
SELECT
    z.site_id,
    z.patient_id,
    z.start_number,
    ARG_MIN(x.label, x.number) AS reason
FROM start AS z
INNER JOIN coded_event AS e ON z.site_id = e.site_id AND z.patient_id = e.patient_id
INNER JOIN exclusion AS x ON e.source = x.source AND e.code_list = x.code_list
WHERE
    e.element = 'code'
    AND COALESCE(e.happened_at < z.zero_at, e.happened_to < z.zero_date)
    AND (x.lookback_days IS NULL OR DATE_DIFF('day', e.happened_from, z.zero_date) <= x.lookback_days)
GROUP BY ALL;
