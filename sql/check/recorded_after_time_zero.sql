-- recorded_after_time_zero: patients with an exclusion or covariate written down only after time zero.
--
-- Severity   info
-- Grain      one row per patient
-- Reads      start, coded_event, exclusion, covariate, condition, moment
-- Keeps      Conditions that began up to time zero by their onset, and were recorded later
-- Drops      records without a recordedDate; those of the day itself where either has no time of day
-- Caveat     they count, by their onset: diagnoses are often coded at discharge.  But on the day it may not
--            have been known, and a diagnosis may be searched for in one arm more than in the other
-- Reference  FHIR Condition.onset[x], .recordedDate; 26_excluded.sql, 32_history.sql
WITH asked AS (
    SELECT code_list
    FROM exclusion
    WHERE source = 'condition'
    UNION
    SELECT code_list
    FROM covariate
    WHERE source = 'condition'
)

SELECT DISTINCT
    z.site_id,
    z.arm,
    z.patient_id
FROM start AS z
INNER JOIN coded_event AS e
    ON
        z.site_id = e.site_id
        AND z.patient_id = e.patient_id
        AND e.source = 'condition'
        AND e.element = 'code'
SEMI JOIN asked AS a ON e.code_list = a.code_list
INNER JOIN condition AS k ON e.site_id = k.site_id AND e.resource_id = k.condition_id
INNER JOIN moment AS m ON k.recorded_date = m.recorded
WHERE
    COALESCE(e.happened_at <= z.zero_at, e.happened_to <= z.zero_date)
    AND COALESCE(m.instant > z.zero_at, m.from_date > z.zero_date);
