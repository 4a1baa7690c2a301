-- severity: the stratum of each start with an arm, the worst state up to time zero.
--
-- Grain      one row per start with an arm (site_id, patient_id, start_number)
-- Reads      start, coded_event, carrier, stratum
-- Keeps      states in records whose own code is a carrier: a severe asthma is no severe COVID-19
-- Drops      states after time zero; the stratum is NULL where none is left, 'all' where none is declared
-- Caveat     a state with a date only counts on the day of time zero; one with a year or month only, when
--            all of it is past
-- Reference  Lash TL, et al. Modern Epidemiology, 4th ed. 2021, ch. 24: stratify by what was known then
CREATE OR REPLACE TABLE severity AS
WITH state AS (
    SELECT
        v.site_id,
        v.patient_id,
        t.stratum,
        t.number,
        v.happened_at,
        v.happened_to
    FROM coded_event AS v
    INNER JOIN stratum AS t ON v.code_list = t.code_list
    WHERE
        v.element IN ('severity', 'stage', 'value')
        AND EXISTS (
            SELECT 1
            FROM coded_event AS c
            INNER JOIN carrier AS k ON c.code_list = k.code_list
            WHERE
                c.element = 'code'
                AND c.site_id = v.site_id
                AND c.source = v.source
                AND c.resource_id = v.resource_id
        )
),

worst AS (
    SELECT
        z.site_id,
        z.patient_id,
        z.start_number,
        ARG_MAX(s.stratum, s.number) AS stratum
    FROM start AS z
    INNER JOIN state AS s
        ON
            z.site_id = s.site_id
            AND z.patient_id = s.patient_id
            AND COALESCE(z.zero_at >= s.happened_at, z.zero_date >= s.happened_to)
    GROUP BY ALL
)

SELECT
    z.site_id,
    z.patient_id,
    z.start_number,
    IF(EXISTS (SELECT 1 FROM stratum), w.stratum, 'all') AS stratum
FROM start AS z
LEFT JOIN worst AS w
    ON z.site_id = w.site_id AND z.patient_id = w.patient_id AND z.start_number = w.start_number
WHERE z.arm IS NOT NULL;
