-- infusion_event: adverse events of the treated, as they relate to the patient's own infusions.
--
-- Grain      one row per event of a treated patient (site_id, adverse_event_id)
-- Reads      event, infusion, adverse_event, event_word
-- Keeps      within_24_hours: onset from the start of an infusion that counts to 24 h after it, both ends
--            included; perhaps_within_24_hours: that, or it may be, since of one of the two only the date is
--            known and the onset is dated on the day of an infusion or the next; suspected: a suspect is
--            an infusion of this patient; suspected_related: and its causality is possible or more
-- Drops      events of controls, who have no infusion
-- Caveat     a date is given no time: the first is the least there was and the second the most; suspected
--            needs a reference to the MedicationAdministration, to one that may have been given
-- Reference  FHIR AdverseEvent.suspectEntity.instance; CTCAE infusion related reaction
CREATE OR REPLACE TABLE infusion_event AS
WITH own AS (
    SELECT
        e.site_id,
        e.patient_id,
        e.adverse_event_id,
        i.administration_id,
        i.verdict = 'counts' AS counts,
        (EPOCH_US(e.onset_at) - EPOCH_US(i.given_at)) BETWEEN 0 AND 86400000000 AS within,
        DATE_DIFF('day', i.given_date, e.onset_date) BETWEEN 0 AND 1 AS by_date
    FROM event AS e
    LEFT JOIN infusion AS i
        ON e.site_id = i.site_id AND e.patient_id = i.patient_id AND i.verdict != 'not_given'
    WHERE e.arm = 'treated'
),

suspect AS (
    SELECT
        a.site_id,
        a.patient_id,
        a.adverse_event_id,
        a.suspect_id,
        MAX(c.level) AS level
    FROM adverse_event AS a
    LEFT JOIN event_word AS c
        ON c.kind = 'causality' AND a.causality_system = c.system AND LOWER(a.causality_code) = c.code
    GROUP BY ALL
),

possible AS (
    SELECT MIN(level) AS level
    FROM event_word
    WHERE kind = 'causality' AND word = 'possible'
)

SELECT
    o.site_id,
    o.patient_id,
    o.adverse_event_id,
    COALESCE(BOOL_OR(o.counts AND o.within), FALSE) AS within_24_hours,
    COALESCE(BOOL_OR(o.counts AND COALESCE(o.within, o.by_date)), FALSE) AS perhaps_within_24_hours,
    COUNT(s.suspect_id) > 0 AS suspected,
    COALESCE(BOOL_OR(s.level >= p.level), FALSE) AS suspected_related
FROM own AS o
CROSS JOIN possible AS p
LEFT JOIN suspect AS s
    ON
        o.site_id = s.site_id
        AND o.patient_id = s.patient_id
        AND o.adverse_event_id = s.adverse_event_id
        AND o.administration_id = s.suspect_id
GROUP BY o.site_id, o.patient_id, o.adverse_event_id;
