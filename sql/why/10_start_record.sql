-- start_record: each record that could make a patient's time zero, and which one did.
--
-- Grain      one row per infusion, per record that enrols a control or is the anchor, and per treated patient
--            who drew a control
-- Reads      infusion, coded_event, draw, start, way_start, study
-- Keeps      all of them; made_it is true of those at time zero itself, of the patient's arm
-- Drops      nothing
-- Caveat     several records of one instant all made it
-- Reference  rwe why; 15_time_zero.sql and 28_draw.sql have the rules
CREATE OR REPLACE TEMP TABLE start_record AS
WITH record AS (
    SELECT
        site_id,
        patient_id,
        'infusion' AS kind,
        'MedicationAdministration/' || administration_id AS reference,
        given_at AS happened_at,
        given_date AS happened_date,
        verdict,
        verdict = 'counts' AS may_treat,
        FALSE AS may_control
    FROM infusion
    UNION ALL
    SELECT
        e.site_id,
        e.patient_id,
        'enrolment' AS kind,
        e.source || '/' || e.resource_id AS reference,
        e.happened_at,
        e.happened_date,
        NULL AS verdict,
        FALSE AS may_treat,
        TRUE AS may_control
    FROM coded_event AS e
    INNER JOIN study AS s ON e.source = s.control_source AND e.code_list = s.control_codes
    WHERE e.element = 'code'
    UNION ALL
    SELECT
        e.site_id,
        e.patient_id,
        'anchor' AS kind,
        e.source || '/' || e.resource_id AS reference,
        e.happened_at,
        e.happened_date,
        NULL AS verdict,
        FALSE AS may_treat,
        s.control_time_zero = 'anchor' AS may_control
    FROM coded_event AS e
    INNER JOIN study AS s
        ON
            e.source = s.population_source
            AND e.code_list = s.population_codes
            AND (e.is_numeric OR NOT s.population_numeric)
    WHERE e.element = 'code'
    UNION ALL
    SELECT
        d.site_id,
        d.patient_id,
        'drawn by' AS kind,
        'Patient/' || d.treated_id AS reference,
        z.zero_at AS happened_at,
        z.zero_date AS happened_date,
        NULL AS verdict,
        FALSE AS may_treat,
        TRUE AS may_control
    FROM draw AS d
    INNER JOIN start AS z
        ON d.site_id = z.site_id AND d.patient_id = z.patient_id AND d.start_number = z.start_number
    WHERE d.is_drawn
)

SELECT
    r.site_id,
    r.patient_id,
    r.kind,
    r.reference,
    COALESCE(CAST(r.happened_at AS VARCHAR), CAST(r.happened_date AS VARCHAR)) AS happened,
    r.verdict,
    COALESCE(
        BOOL_OR(
            IF(z.arm = 'treated', r.may_treat, r.may_control)
            AND r.happened_date = z.zero_date
            AND COALESCE(r.happened_at = z.zero_at, r.happened_at IS NULL AND z.zero_at IS NULL)
        ),
        FALSE
    ) AS made_it
FROM record AS r
LEFT JOIN way_start AS z ON r.site_id = z.site_id AND r.patient_id = z.patient_id
GROUP BY ALL
ORDER BY r.kind, happened NULLS LAST, r.reference;
