-- resource: what became of each landed resource; every count of a pull comes from here.
--
-- Grain      one row per landed line or set-aside piece (site_id, shard, line)
-- Reads      judged, touched, resource
-- Keeps      the rows of the last map, those that were judged again in their new state
-- Drops      nothing
-- Caveat     the only table that is changed and not made anew: new data cost what they are, not what is there
-- Reference  contract: asked = mapped + superseded + gone + set aside
DELETE FROM resource AS r
WHERE EXISTS (
    SELECT 1
    FROM touched AS t
    WHERE r.site_id = t.site_id AND r.resource_type = t.resource_type AND r.id = t.id
);

DELETE FROM resource
WHERE shard = 'set_aside';

INSERT INTO resource
SELECT
    site_id,
    resource_type,
    id,
    version,
    updated,
    hash,
    shard,
    line,
    source,
    position,
    fate,
    detail
FROM judged;
