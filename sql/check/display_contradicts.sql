-- display_contradicts: results with a display or text that names another quantity than their code.
--
-- Severity   warning
-- Grain      one row per result
-- Reads      measurement
-- Keeps      results set aside because of their display
-- Drops      all others
-- Caveat     only words that were reviewed for the code contradict it
-- Reference  20_contradiction.sql; rwe/reviewed/contradiction_word.csv
SELECT
    site_id,
    arm,
    patient_id
FROM measurement
WHERE set_aside = 'display_contradicts';
