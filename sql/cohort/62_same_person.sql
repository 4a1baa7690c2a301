-- same_person: pairs of Patients who are one person, as their links say.
--
-- Grain      one row per ordered pair of landed Patients (site_id, patient_id, other_id); in both
--            orders
-- Reads      patient_link, person
-- Keeps      links of every type between two Patients of a site; is_replaced where the patient's records
--            should be the other's
-- Drops      links to a RelatedPerson, to another server, to a Patient who did not land, and to itself
-- Caveat     nobody is merged: which record is right is for the source to say; a chain of links is
--            not followed
-- Reference  FHIR value set link-type: replaced-by, replaces, refer, seealso
CREATE OR REPLACE TABLE same_person AS
WITH said AS (
    SELECT
        site_id,
        patient_id,
        other_id,
        type = 'replaced-by' AS is_replaced
    FROM patient_link
    UNION ALL
    SELECT
        site_id,
        other_id AS patient_id,
        patient_id AS other_id,
        type = 'replaces' AS is_replaced
    FROM patient_link
)

SELECT
    s.site_id,
    s.patient_id,
    s.other_id,
    BOOL_OR(COALESCE(s.is_replaced, FALSE)) AS is_replaced
FROM said AS s
SEMI JOIN person AS p ON s.site_id = p.site_id AND s.patient_id = p.patient_id
SEMI JOIN person AS o ON s.site_id = o.site_id AND s.other_id = o.patient_id
WHERE s.patient_id != s.other_id
GROUP BY ALL;
