-- foreign_subject: records whose subject is a patient of another server.
--
-- Severity   error
-- Grain      one row per record
-- Reads      stray_record
-- Keeps      absolute references to a Patient that lead to none of the site's addresses: they have no key
-- Drops      relative references; those to the site itself; subjects of another type
-- Caveat     such a record takes part in nothing.  Where the address is the site's own after all, base_urls
--            of sites.toml has to name it: it may be behind a proxy, or its files may have come from there
-- Reference  FHIR Reference.reference: an absolute URL names the server
SELECT
    site_id,
    CAST(NULL AS VARCHAR) AS arm,
    patient_id
FROM stray_record
WHERE
    patient_id IS NULL
    AND REGEXP_MATCHES(subject_reference, '^[^?#|]*//[^?#|]*/Patient/[^/?#|]{1,64}(/_history/[^/]+)?$');
