-- added: the lines whose rows come into the tables.
--
-- Grain      one row per landed line (site_id, shard, line)
-- Reads      judged, resource, gone_shard
-- Keeps      lines that are mapped now and were not before
-- Drops      those that were mapped before from the same shard
-- Caveat     resource is that of the last map; also of an old shard, where what superseded the line is gone
-- Reference  contract: rerunning changes nothing
CREATE OR REPLACE TABLE added AS
SELECT
    j.site_id,
    j.shard,
    j.line
FROM judged AS j
LEFT JOIN resource AS r
    ON j.site_id = r.site_id AND j.shard = r.shard AND j.line = r.line AND r.fate = 'mapped'
LEFT JOIN gone_shard AS g ON j.site_id = g.site_id AND j.shard = g.shard
WHERE j.fate = 'mapped' AND (r.line IS NULL OR g.shard IS NOT NULL);
