-- treated_and_control: patients who were treated and enrolled as control.
--
-- Severity   warning
-- Grain      one row per patient
-- Reads      infusion, coded_event, study, counted_as
-- Keeps      patients with an infusion that counts and a record of enrolment as control
-- Drops      studies whose controls are not enrolled by a code list
-- Caveat     they are in the treated arm, whichever came first
-- Reference  15_time_zero.sql
WITH enrolled AS (
    SELECT
        e.site_id,
        e.patient_id
    FROM coded_event AS e
    INNER JOIN study AS s ON e.source = s.control_source AND e.code_list = s.control_codes
    WHERE e.element = 'code'
)

SELECT DISTINCT
    i.site_id,
    c.arm,
    i.patient_id
FROM infusion AS i
SEMI JOIN enrolled AS e ON i.site_id = e.site_id AND i.patient_id = e.patient_id
LEFT JOIN counted_as AS c ON i.site_id = c.site_id AND i.patient_id = c.patient_id
WHERE i.verdict = 'counts';
