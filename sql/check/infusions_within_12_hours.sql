-- infusions_within_12_hours: infusions of the product less than 12 hours after another.
--
-- Severity   warning
-- Grain      one row per administration, the later of the two
-- Reads      infusion, counted_as
-- Keeps      infusions that may have happened; without a time of day, a second one of the same date
-- Drops      those recorded more than once (infusion_repeated)
-- Caveat     one infusion with two records is more likely than two infusions; both are counted
-- Reference  the protocol: days 0, 3 and 6
WITH given AS (
    SELECT
        site_id,
        patient_id,
        given_at,
        given_date,
        LAG(given_at) OVER earlier AS given_at_before,
        LAG(given_date) OVER earlier AS given_date_before
    FROM infusion
    WHERE verdict IN ('counts', 'uncertain') AND given_date IS NOT NULL
    WINDOW
        earlier AS (
            PARTITION BY site_id, patient_id ORDER BY given_date, given_at NULLS FIRST, administration_id
        )
)

SELECT
    g.site_id,
    c.arm,
    g.patient_id
FROM given AS g
LEFT JOIN counted_as AS c ON g.site_id = c.site_id AND g.patient_id = c.patient_id
WHERE COALESCE(g.given_at - g.given_at_before < INTERVAL 12 HOURS, g.given_date = g.given_date_before);
