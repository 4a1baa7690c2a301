-- infusion_repeated: the same infusion recorded more than once.
--
-- Severity   warning
-- Grain      one row per administration
-- Reads      infusion, counted_as
-- Keeps      all but one of the infusions of one patient and instant that count
-- Drops      infusions with a date only: two a day may both be true
-- Caveat     they are no infusions of their own in any count
-- Reference  one administration sent by two systems
SELECT
    i.site_id,
    c.arm,
    i.patient_id
FROM infusion AS i
LEFT JOIN counted_as AS c ON i.site_id = c.site_id AND i.patient_id = c.patient_id
WHERE i.verdict = 'repeated';
