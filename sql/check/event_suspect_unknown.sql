-- event_suspect_unknown: adverse events whose suspect is an administration this patient has not.
--
-- Severity   info
-- Grain      one row per AdverseEvent
-- Reads      onset, adverse_event, administration
-- Keeps      actual events with a reference to a MedicationAdministration that did not land for the patient
-- Drops      suspects that are no MedicationAdministration, or known by a display only
-- Caveat     another patient's, or of a drug the study did not ask for: the event is linked to no infusion
-- Reference  54_infusion_event.sql
SELECT DISTINCT
    o.site_id,
    o.arm,
    o.patient_id,
    o.adverse_event_id
FROM onset AS o
INNER JOIN adverse_event AS a ON o.site_id = a.site_id AND o.adverse_event_id = a.adverse_event_id
LEFT JOIN administration AS m
    ON o.site_id = m.site_id AND o.patient_id = m.patient_id AND a.suspect_id = m.administration_id
WHERE a.suspect_id IS NOT NULL AND m.administration_id IS NULL;
