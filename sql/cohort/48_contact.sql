-- contact: when the source saw each patient of the cohort.
--
-- Grain      one row per cohort patient, arm and date or time of a contact
-- Reads      cohort, encounter, observation, adverse_event, moment, study
-- Keeps      first and last days of Encounters that took or take place, Observations that are final, amended
--            or corrected, actual AdverseEvents; day counts from time zero, as for a measurement
-- Drops      records without a day; of a control who is treated later, those from the own infusion on
-- Caveat     a record of somebody else's work, such as a late letter, is taken for a contact
-- Reference  FHIR value sets encounter-status, observation-status, adverse-event-actuality
CREATE OR REPLACE TABLE contact AS
WITH met AS (
    SELECT
        site_id,
        patient_id,
        UNNEST([period_start, period_end]) AS recorded
    FROM encounter
    WHERE status NOT IN ('planned', 'cancelled', 'entered-in-error', 'unknown')
    UNION
    SELECT
        site_id,
        patient_id,
        COALESCE(effective, effective_instant, effective_start) AS recorded
    FROM observation
    WHERE status IN ('final', 'amended', 'corrected')
    UNION
    SELECT
        site_id,
        patient_id,
        COALESCE(occurrence, occurrence_start, detected, recorded_date) AS recorded
    FROM adverse_event
    WHERE actuality = 'actual' AND COALESCE(status, 'completed') != 'entered-in-error'
)

SELECT
    h.site_id,
    h.patient_id,
    h.arm,
    t.local_date AS contact_date,
    CASE
        WHEN s.days = 'instant' AND t.instant IS NOT NULL AND h.zero_at IS NOT NULL
            THEN (EPOCH_US(t.instant) - EPOCH_US(h.zero_at)) / 86400e6
        ELSE DATE_DIFF('day', h.zero_date, t.local_date)
    END AS day,
    COALESCE(t.instant > h.death_at, t.local_date > h.death_date, FALSE) AS after_death
FROM met AS m
INNER JOIN cohort AS h ON m.site_id = h.site_id AND m.patient_id = h.patient_id
INNER JOIN moment AS t ON m.recorded = t.recorded
CROSS JOIN study AS s
WHERE
    t.local_date IS NOT NULL
    AND COALESCE(t.instant < h.censor_at, t.local_date < h.censor_date, TRUE);
