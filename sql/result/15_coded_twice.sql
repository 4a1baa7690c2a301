-- coded_twice: results with more than one row in coding.
--
-- Grain      one row per result (site_id, observation_id, component)
-- Reads      coding
-- Keeps      those with several codes, and those given twice
-- Drops      results with one code: most are, and need no grouping
-- Caveat     here once, since to group strings is what costs in the files that read it
-- Reference  10_coding.sql
CREATE OR REPLACE TEMP TABLE coded_twice AS
SELECT
    site_id,
    observation_id,
    component
FROM coding
GROUP BY site_id, observation_id, component
HAVING COUNT(*) > 1;
