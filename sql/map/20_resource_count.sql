-- resource_count: how the landed resources of a site add up.
--
-- Grain      one row per site and resource type
-- Reads      resource, site_type
-- Keeps      types of which nothing came, with zeros
-- Drops      nothing
-- Caveat     asked is NULL where the source cannot tell how many it holds
-- Reference  contract: asked = mapped + superseded + gone + set aside
CREATE OR REPLACE TABLE resource_count AS
WITH landed_count AS (
    SELECT
        site_id,
        resource_type,
        COUNT(*) AS landed,
        COUNT(*) FILTER (WHERE fate = 'mapped') AS mapped,
        COUNT(*) FILTER (WHERE fate = 'superseded') AS superseded,
        COUNT(*) FILTER (WHERE fate = 'gone') AS gone,
        COUNT(*) FILTER (WHERE fate NOT IN ('mapped', 'superseded', 'gone')) AS set_aside
    FROM resource
    GROUP BY ALL
)

SELECT
    t.site_id,
    t.resource_type,
    t.asked,
    COALESCE(c.landed, 0) AS landed,
    COALESCE(c.mapped, 0) AS mapped,
    COALESCE(c.superseded, 0) AS superseded,
    COALESCE(c.gone, 0) AS gone,
    COALESCE(c.set_aside, 0) AS set_aside,
    t.failure
FROM site_type AS t
LEFT JOIN landed_count AS c ON t.site_id = c.site_id AND t.resource_type = c.resource_type
ORDER BY t.site_id, t.resource_type;
