-- draw: of each treated patient's risk set, whom it drew as controls.
--
-- Grain      one row per treated patient and candidate, both eligible (site_id, treated_id, patient_id)
-- Reads      risk_set, start, severity, dropped, study
-- Keeps      candidates of the same stratum whom no step left out, each with the start that is fewest days
--            shifted, of two the earlier; is_drawn marks up to control_ratio of them
-- Drops      nobody
-- Caveat     the order of choice is the MD5 of seed, site and both ids, and has no other meaning.  Without
--            replacement the treated choose in the order of time zero, then of their ids; in each round all
--            choose among the candidates whom no earlier one has taken, until nobody takes from another:
--            the same as one after the other.  With replacement each chooses from its whole risk set
-- Reference  Stuart EA. Stat Sci 2010;25:1-21 (nearest neighbours, greedy, with and without replacement)
CREATE OR REPLACE TABLE draw AS
WITH RECURSIVE eligible AS (
    SELECT
        z.site_id,
        z.patient_id,
        z.start_number,
        z.arm,
        z.zero_at,
        z.zero_date,
        v.stratum
    FROM start AS z
    INNER JOIN severity AS v
        ON z.site_id = v.site_id AND z.patient_id = v.patient_id AND z.start_number = v.start_number
    ANTI JOIN dropped AS d
        ON z.site_id = d.site_id AND z.patient_id = d.patient_id AND z.start_number = d.start_number
),

pair AS (
    SELECT
        r.site_id,
        r.treated_id,
        r.patient_id,
        r.start_number,
        r.shift,
        t.zero_at,
        t.zero_date
    FROM risk_set AS r
    INNER JOIN eligible AS c
        ON r.site_id = c.site_id AND r.patient_id = c.patient_id AND r.start_number = c.start_number
    INNER JOIN eligible AS t
        ON
            r.site_id = t.site_id
            AND r.treated_id = t.patient_id
            AND t.arm = 'treated'
            AND c.stratum = t.stratum
    QUALIFY
        ROW_NUMBER() OVER (
            PARTITION BY r.site_id, r.treated_id, r.patient_id ORDER BY ABS(r.shift), r.shift
        ) = 1
),

ordered AS (
    SELECT
        p.site_id,
        p.treated_id,
        p.patient_id,
        p.start_number,
        p.shift,
        DENSE_RANK() OVER (
            ORDER BY p.site_id, p.zero_date, EPOCH_US(p.zero_at) NULLS FIRST, p.treated_id
        ) AS turn,
        DENSE_RANK() OVER (ORDER BY p.site_id, p.patient_id) AS candidate,
        ROW_NUMBER() OVER (
            PARTITION BY p.site_id, p.treated_id
            ORDER BY
                MD5(CONCAT_WS('|', s.control_seed, p.site_id, p.treated_id, p.patient_id)),
                p.patient_id
        ) AS choice
    FROM pair AS p
    CROSS JOIN study AS s
),

free AS (
    SELECT
        0 AS round,
        turn,
        candidate,
        choice
    FROM ordered
    UNION ALL
    SELECT
        h.round + 1 AS round,
        h.turn,
        h.candidate,
        h.choice
    FROM (
        SELECT
            w.*,
            MIN(w.turn) FILTER (WHERE w.is_wanted) OVER (PARTITION BY w.candidate) AS holder
        FROM (
            SELECT
                f.*,
                ROW_NUMBER() OVER (PARTITION BY f.turn ORDER BY f.choice) <= s.control_ratio AS is_wanted
            FROM free AS f
            INNER JOIN study AS s ON NOT s.control_replacement
        ) AS w
    ) AS h
    QUALIFY h.turn <= COALESCE(h.holder, h.turn) AND BOOL_OR(h.turn > h.holder) OVER ()
),

settled AS (
    SELECT
        f.turn,
        f.candidate,
        ROW_NUMBER() OVER (PARTITION BY f.turn ORDER BY f.choice) <= s.control_ratio AS is_drawn
    FROM free AS f
    CROSS JOIN study AS s
    WHERE f.round = (SELECT MAX(l.round) FROM free AS l)
)

SELECT
    o.site_id,
    o.treated_id,
    o.patient_id,
    o.start_number,
    o.shift,
    o.choice,
    COALESCE(t.is_drawn, FALSE) AS is_drawn
FROM ordered AS o
LEFT JOIN settled AS t ON o.turn = t.turn AND o.candidate = t.candidate;
