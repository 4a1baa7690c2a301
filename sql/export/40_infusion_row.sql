-- infusion_row: what `rwe export` gives of each infusion, before the id becomes a pseudonym.
--
-- Grain      one row per administration of the product to a cohort patient (site_id, administration_id)
-- Reads      infusion, cohort
-- Keeps      all verdicts, with the day from time zero and the dose as a share of the planned one; of who is
--            in both arms those of the treated
-- Drops      the date and the time, infusions of others than the cohort
-- Caveat     day is a difference of calendar dates; none where the record has no day
-- Reference  sql/cohort/13_infusion.sql
CREATE OR REPLACE TEMP TABLE infusion_row AS
WITH once AS (
    SELECT
        site_id,
        patient_id,
        arm,
        stratum,
        zero_date
    FROM cohort
    QUALIFY arm = MAX(arm) OVER (PARTITION BY site_id, patient_id)
)

SELECT
    i.site_id,
    i.patient_id,
    h.arm,
    h.stratum,
    DATE_DIFF('day', h.zero_date, i.given_date) AS day,
    i.verdict,
    i.dose_ratio
FROM infusion AS i
INNER JOIN once AS h ON i.site_id = h.site_id AND i.patient_id = h.patient_id;
