-- set_aside_record: resources that could not be used, with the arm of their patient.
--
-- Grain      one row per set-aside resource (site_id, shard, line)
-- Reads      resource, set_aside_subject, counted_as
-- Keeps      all of them
-- Drops      what is mapped or superseded
-- Caveat     patient_id is NULL where the resource names nobody that can be read, arm where its patient is
--            not in the cohort
-- Reference  resource.fate says why; `rwe map --json` where
CREATE OR REPLACE TABLE set_aside_record AS
SELECT
    r.site_id,
    r.shard,
    r.line,
    r.resource_type,
    s.patient_id,
    h.arm
FROM resource AS r
LEFT JOIN set_aside_subject AS s ON r.site_id = s.site_id AND r.shard = s.shard AND r.line = s.line
LEFT JOIN counted_as AS h ON s.site_id = h.site_id AND s.patient_id = h.patient_id
WHERE r.fate NOT IN ('mapped', 'superseded', 'gone');
