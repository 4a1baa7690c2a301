-- removed: the resources whose rows leave the tables: superseded now, set aside, or gone.
--
-- Grain      one row per resource (site_id, resource_type, id)
-- Reads      resource, judged, touched, gone_shard
-- Keeps      resources that were mapped from a line which is not mapped now
-- Drops      those whose line is mapped still
-- Caveat     resource is that of the last map; a shard of the same name with other content is gone, and came
-- Reference  contract: rerunning changes nothing
CREATE OR REPLACE TABLE removed AS
SELECT
    r.site_id,
    r.resource_type,
    r.id
FROM resource AS r
INNER JOIN touched AS t ON r.site_id = t.site_id AND r.resource_type = t.resource_type AND r.id = t.id
LEFT JOIN gone_shard AS g ON r.site_id = g.site_id AND r.shard = g.shard
LEFT JOIN judged AS j
    ON r.site_id = j.site_id AND r.shard = j.shard AND r.line = j.line AND j.fate = 'mapped'
WHERE r.fate = 'mapped' AND (g.shard IS NOT NULL OR j.line IS NULL);
