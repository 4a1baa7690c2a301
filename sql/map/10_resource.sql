-- resource: what became of each landed resource; every count of a pull comes from here.
--
-- Grain      one row per landed line or set-aside piece (site_id, shard, line)
-- Reads      landed, invalid
-- Keeps      everything; `fate` is mapped, superseded, or why it was set aside (rwe/reasons.py)
-- Drops      nothing
-- Caveat     the newest version decides even when it is invalid: an older one may say the opposite
-- Reference  contract: asked = mapped + superseded + set aside
CREATE OR REPLACE TABLE resource AS
WITH copy AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY site_id, resource_type, id, hash ORDER BY shard, line
        ) AS copy_number
    FROM landed
    WHERE reason IS NULL
),

content AS (
    SELECT
        *,
        CASE WHEN REGEXP_FULL_MATCH(version, '[0-9]+') THEN TRY_CAST(version AS BIGINT) END AS version_number,
        TRY_CAST(updated AS TIMESTAMPTZ) AS updated_at,
        COUNT(*) OVER same AS n_contents
    FROM copy
    WHERE copy_number = 1
    WINDOW same AS (PARTITION BY site_id, resource_type, id)
),

orderable AS (
    SELECT
        *,
        COUNT(version_number) OVER same = n_contents AS by_version,
        COUNT(updated_at) OVER same = n_contents AS by_time
    FROM content
    WINDOW same AS (PARTITION BY site_id, resource_type, id)
),

ranked AS (
    SELECT
        *,
        RANK() OVER (
            PARTITION BY site_id, resource_type, id
            ORDER BY
                CASE WHEN by_version THEN version_number END DESC NULLS LAST,
                CASE WHEN by_time THEN updated_at END DESC NULLS LAST
        ) AS age
    FROM orderable
),

newest AS (
    SELECT
        site_id,
        shard,
        line,
        CASE
            WHEN age > 1 THEN 'superseded'
            WHEN COUNT(*) OVER (PARTITION BY site_id, resource_type, id, age) > 1 THEN 'conflict'
        END AS fate
    FROM ranked
)

SELECT
    l.site_id,
    l.resource_type,
    l.id,
    l.version,
    l.updated,
    l.hash,
    l.shard,
    l.line,
    l.source,
    l.position,
    CASE
        WHEN l.reason IS NOT NULL THEN l.reason
        WHEN n.line IS NULL THEN 'superseded'
        ELSE COALESCE(n.fate, i.reason, 'mapped')
    END AS fate,
    CASE WHEN n.line IS NOT NULL AND n.fate IS NULL THEN i.detail END AS detail
FROM landed AS l
LEFT JOIN newest AS n ON l.site_id = n.site_id AND l.shard = n.shard AND l.line = n.line
LEFT JOIN invalid AS i ON l.site_id = i.site_id AND l.shard = i.shard AND l.line = i.line;
