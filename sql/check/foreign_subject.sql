-- foreign_subject: records whose subject is named on another server than most of their site.
--
-- Severity   error
-- Grain      one row per record
-- Reads      record, cohort
-- Keeps      absolute references to another base than the site's most frequent
-- Drops      relative references; the site's own base
-- Caveat     the last id of a reference is taken for a patient of the site: one of another server may share
--            it by chance
-- Reference  FHIR Reference.reference: an absolute URL names the server
WITH based AS (
    SELECT
        site_id,
        patient_id,
        REGEXP_EXTRACT(subject_reference, '^(https?://.*)/Patient/[^/]+', 1) AS base
    FROM record
    WHERE subject_reference LIKE 'http%'
),

own AS (
    SELECT
        site_id,
        MODE(base ORDER BY base) AS base
    FROM based
    GROUP BY ALL
)

SELECT
    b.site_id,
    h.arm,
    b.patient_id
FROM based AS b
INNER JOIN own AS o ON b.site_id = o.site_id AND b.base != o.base
LEFT JOIN cohort AS h ON b.site_id = h.site_id AND b.patient_id = h.patient_id;
