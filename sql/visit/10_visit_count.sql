-- visit_count: how many were alive, seen and measured at each visit, and why the others were not.
--
-- Grain      one row per endpoint, visit, stratum, arm and site with anyone in the cohort
-- Reads      endpoint_value, presence, endpoint, visit
-- Keeps      n = measured + treated_later + dead + window_not_reached + lost + in_contact + set_aside; lost
--            and in_contact are the two ways of `not_measured`; set_aside_reason counts by what is wrong with
--            the value
-- Drops      the baseline (Table 1 has it)
-- Caveat     alive is when the window opens, dead before its end without a value: who died within it is both
-- Reference  STROBE item 13a; clinical trial usage: numbers at risk under each visit
CREATE OR REPLACE TABLE visit_count AS
SELECT
    e.number AS endpoint_number,
    v.number AS visit_number,
    q.endpoint,
    q.visit,
    q.stratum,
    q.arm,
    q.site_id,
    COUNT(*) AS n,
    COUNT(*) FILTER (WHERE p.alive) AS alive,
    COUNT(*) FILTER (WHERE p.seen) AS seen,
    COUNT(*) FILTER (WHERE q.missing IS NULL) AS measured,
    COUNT(*) FILTER (WHERE q.missing = 'treated_later') AS treated_later,
    COUNT(*) FILTER (WHERE q.missing = 'dead') AS dead,
    COUNT(*) FILTER (WHERE q.missing = 'window_not_reached') AS window_not_reached,
    COUNT(*) FILTER (WHERE q.missing = 'not_measured' AND p.lost) AS lost,
    COUNT(*) FILTER (WHERE q.missing = 'not_measured' AND NOT p.lost) AS in_contact,
    COUNT(*) FILTER (WHERE q.missing = 'set_aside') AS set_aside,
    HISTOGRAM(q.set_aside) FILTER (WHERE q.missing = 'set_aside') AS set_aside_reason
FROM endpoint_value AS q
INNER JOIN presence AS p
    ON
        q.site_id = p.site_id
        AND q.patient_id = p.patient_id
        AND q.arm = p.arm
        AND q.visit = p.visit
INNER JOIN endpoint AS e ON q.endpoint = e.endpoint
INNER JOIN visit AS v ON q.visit = v.visit
GROUP BY ALL
ORDER BY e.number, v.number, q.stratum, q.arm, q.site_id;
