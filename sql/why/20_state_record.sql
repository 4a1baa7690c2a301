-- state_record: each record of a severity, and which ones made the patient's stratum.
--
-- Grain      one row per record and stratum (site_id, patient_id, reference, element, stratum)
-- Reads      coded_event, carrier, stratum, severity, way_start
-- Keeps      all of them, also after time zero and in records that are no carrier
-- Drops      nothing
-- Caveat     several records of the worst state all made it
-- Reference  rwe why; 18_severity.sql has the rule
CREATE OR REPLACE TEMP TABLE state_record AS
WITH state AS (
    SELECT
        v.site_id,
        v.patient_id,
        v.source || '/' || v.resource_id AS reference,
        v.element,
        t.stratum,
        v.happened_at,
        v.happened_from,
        v.happened_to,
        EXISTS(
            SELECT 1
            FROM coded_event AS c
            INNER JOIN carrier AS k ON c.code_list = k.code_list
            WHERE
                c.element = 'code'
                AND c.site_id = v.site_id
                AND c.source = v.source
                AND c.resource_id = v.resource_id
        ) AS is_carried
    FROM coded_event AS v
    INNER JOIN stratum AS t ON v.code_list = t.code_list
    WHERE v.element IN ('severity', 'stage', 'value')
)

SELECT
    s.site_id,
    s.patient_id,
    s.reference,
    s.element,
    s.stratum,
    COALESCE(CAST(s.happened_at AS VARCHAR), CAST(s.happened_from AS VARCHAR)) AS happened,
    s.is_carried,
    COALESCE(BOOL_OR(COALESCE(z.zero_at >= s.happened_at, z.zero_date >= s.happened_to)), FALSE)
        AS up_to_time_zero,
    COALESCE(
        BOOL_OR(
            s.is_carried
            AND COALESCE(z.zero_at >= s.happened_at, z.zero_date >= s.happened_to)
            AND s.stratum = y.stratum
        ),
        FALSE
    ) AS made_it
FROM state AS s
LEFT JOIN way_start AS z ON s.site_id = z.site_id AND s.patient_id = z.patient_id
LEFT JOIN severity AS y
    ON z.site_id = y.site_id AND z.patient_id = y.patient_id AND z.start_number = y.start_number
GROUP BY ALL
ORDER BY happened NULLS LAST, s.reference, s.element, s.stratum;
