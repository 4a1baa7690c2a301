-- date_in_future: results, infusions and adverse events with a date after the data were pulled.
--
-- Severity   warning
-- Grain      one row per record
-- Reads      measurement, infusion, onset, counted_as, site
-- Keeps      times after the source's own time of the pull; dates more than a day after its date
-- Drops      sites without a time of the pull
-- Caveat     they are used as they are: of files that is when the newest of
--            them was changed
-- Reference  the record itself
WITH dated AS (
    SELECT
        site_id,
        patient_id,
        measured_at AS happened_at,
        measured_date AS happened_date
    FROM measurement
    UNION ALL
    SELECT
        site_id,
        patient_id,
        given_at AS happened_at,
        given_date AS happened_date
    FROM infusion
    WHERE verdict != 'not_given'
    UNION ALL
    SELECT
        site_id,
        patient_id,
        NULL AS happened_at,
        onset_date AS happened_date
    FROM onset
)

SELECT
    d.site_id,
    c.arm,
    d.patient_id
FROM dated AS d
INNER JOIN site AS o ON d.site_id = o.site_id
LEFT JOIN counted_as AS c ON d.site_id = c.site_id AND d.patient_id = c.patient_id
WHERE
    COALESCE(
        d.happened_at > TRY_CAST(o.pulled_at AS TIMESTAMPTZ),
        d.happened_date > TRY_CAST(LEFT(o.pulled_at, 10) AS DATE) + 1
    );
