-- infusion_without_time: infusions that count with a day and no time of day.
--
-- Severity   info
-- Grain      one row per administration
-- Reads      infusion, counted_as
-- Keeps      infusions of which only the date is known, in the cohort or not
-- Drops      all others
-- Caveat     such a time zero is a date: days from it are of dates, and the day's own values are no baseline
-- Reference  FHIR dateTime may be partial
SELECT
    i.site_id,
    c.arm,
    i.patient_id
FROM infusion AS i
LEFT JOIN counted_as AS c ON i.site_id = c.site_id AND i.patient_id = c.patient_id
WHERE i.verdict = 'counts' AND i.given_at IS NULL;
