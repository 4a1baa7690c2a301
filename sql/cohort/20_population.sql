-- population: leaves out who has no record of what the study is about.
--
-- Step       in the study's population
-- Grain      one row per patient left out (site_id, patient_id, reason)
-- Reads      person, anchor, study
-- Keeps      patients with an anchor
-- Drops      all others
-- Caveat     refuted and mistaken records are no records
-- Reference  12_coded_event.sql, 14_anchor.sql
CREATE OR REPLACE TABLE population AS
SELECT
    p.site_id,
    p.patient_id,
    'no record of: ' || s.population_label AS reason
FROM person AS p
CROSS JOIN study AS s
ANTI JOIN anchor AS a ON p.site_id = a.site_id AND p.patient_id = a.patient_id;
