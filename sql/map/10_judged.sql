-- judged: what becomes of the landed resources that came, or of whom another copy came or went.
--
-- Grain      one row per landed line of a touched resource, or set-aside piece (site_id, shard, line)
-- Reads      landed, touched, gone, invalid
-- Keeps      everything touched; `fate` is mapped, superseded, gone, or why it was set aside (rwe/reasons.py)
-- Drops      resources of which nothing came or went since the last map: their rows of resource stand
-- Caveat     the newest version decides even when it is invalid: an older one may say the opposite.  Versions
--            begin anew after a deletion, so what came before it is older than all that came after
-- Reference  contract: asked = mapped + superseded + gone + set aside
CREATE OR REPLACE TABLE judged AS
WITH candidate AS (
    SELECT l.*
    FROM landed AS l
    SEMI JOIN touched AS t
        ON l.site_id = t.site_id AND l.resource_type = t.resource_type AND l.id = t.id
    WHERE l.reason IS NULL
    UNION ALL
    SELECT *
    FROM landed
    WHERE reason IS NOT NULL
),

copy AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY site_id, resource_type, id, hash ORDER BY run DESC, shard ASC, line ASC
        ) AS copy_number
    FROM candidate
    WHERE reason IS NULL
),

deletion AS (
    SELECT
        site_id,
        resource_type,
        id,
        MAX(run) AS run
    FROM gone
    GROUP BY ALL
),

content AS (
    SELECT
        c.*,
        COALESCE(c.run <= d.run, FALSE) AS is_gone,
        CASE
            WHEN REGEXP_FULL_MATCH(c.version, '[0-9]+') THEN TRY_CAST(c.version AS BIGINT)
        END AS version_number,
        TRY_CAST(c.updated AS TIMESTAMPTZ) AS updated_at,
        COUNT(*) OVER same AS n_contents
    FROM copy AS c
    LEFT JOIN deletion AS d
        ON c.site_id = d.site_id AND c.resource_type = d.resource_type AND c.id = d.id
    WHERE c.copy_number = 1
    WINDOW same AS (PARTITION BY c.site_id, c.resource_type, c.id)
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
                is_gone ASC,
                CASE WHEN by_version THEN version_number END DESC NULLS LAST,
                CASE WHEN by_time THEN updated_at END DESC NULLS LAST,
                run DESC
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
            WHEN is_gone THEN 'gone'
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
    CASE
        WHEN l.reason IS NOT NULL THEN l.detail
        WHEN n.line IS NOT NULL AND n.fate IS NULL THEN i.detail
    END AS detail
FROM candidate AS l
LEFT JOIN newest AS n ON l.site_id = n.site_id AND l.shard = n.shard AND l.line = n.line
LEFT JOIN invalid AS i ON l.site_id = i.site_id AND l.shard = i.shard AND l.line = i.line;
