-- event_suspect_unknown: adverse events whose suspect is an administration this patient has not.
--
-- Severity   info
-- Grain      one row per AdverseEvent
-- Reads      onset, adverse_event, administration
-- Keeps      actual events with a reference to a MedicationAdministration that did not land for the patient
-- Drops      suspects that are no MedicationAdministration, or known by a display only
-- Caveat     another patient's, or of a drug the study did not ask for: the event is linked to no infusion
-- Reference  54_infusion_event.sql
WITH unknown AS (
    SELECT
        a.site_id,
        a.adverse_event_id
    FROM adverse_event AS a
    LEFT JOIN administration AS m
        ON a.site_id = m.site_id AND a.patient_id = m.patient_id AND a.suspect_id = m.administration_id
    WHERE a.suspect_id IS NOT NULL AND m.administration_id IS NULL
)

SELECT
    o.site_id,
    o.arm,
    o.patient_id
FROM onset AS o
SEMI JOIN unknown AS u ON o.site_id = u.site_id AND o.adverse_event_id = u.adverse_event_id;
