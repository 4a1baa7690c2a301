-- follow_up: how long each patient was watched for adverse events, and whether anyone watched.
--
-- Grain      one row per cohort patient and arm
-- Reads      cohort, contact, adverse_event, moment, study
-- Keeps      days from time zero to the earliest of death, last contact, the own infusion of a control who is
--            treated later, and the declared last day
-- Drops      nothing
-- Caveat     last contact is the last dated Encounter, Observation or AdverseEvent, and time zero where
--            none is later; an arm of a site without a single AdverseEvent (of a control who is treated
--            later: dated before the infusion) is not ascertained: nobody
--            asked, which is not the same as zero
-- Reference  clinical trial usage: person-time at risk
CREATE OR REPLACE TABLE follow_up AS
WITH last_contact AS (
    SELECT
        site_id,
        patient_id,
        arm,
        MAX(contact_date) AS contact_date
    FROM contact
    GROUP BY ALL
),

asked AS (
    SELECT DISTINCT
        h.site_id,
        h.arm
    FROM adverse_event AS a
    INNER JOIN cohort AS h ON a.site_id = h.site_id AND a.patient_id = h.patient_id
    LEFT JOIN moment AS t
        ON COALESCE(a.occurrence, a.occurrence_start, a.detected, a.recorded_date) = t.recorded
    WHERE
        h.censor_date IS NULL
        OR COALESCE(t.instant < h.censor_at, t.local_date < h.censor_date, FALSE)
)

SELECT
    h.site_id,
    h.patient_id,
    h.arm,
    h.stratum,
    q.arm IS NOT NULL AS ascertained,
    GREATEST(
        0,
        LEAST(
            s.events_until_day,
            DATE_DIFF('day', h.zero_date, h.death_date),
            DATE_DIFF('day', h.zero_date, COALESCE(h.censor_date, l.contact_date, h.zero_date))
        )
    ) AS days
FROM cohort AS h
CROSS JOIN study AS s
LEFT JOIN last_contact AS l
    ON h.site_id = l.site_id AND h.patient_id = l.patient_id AND h.arm = l.arm
LEFT JOIN asked AS q ON h.site_id = q.site_id AND h.arm = q.arm;
