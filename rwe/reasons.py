"""Why a resource is set aside: a stable code, what it means, and what to do about it.

The codes stand in the store, in the set-aside index and in what `rwe map` prints.
"""

REASONS = {
    "not_utf8": ("the bytes are not UTF-8", "export the file again as UTF-8"),
    "not_json": ("it is not valid JSON", "export the resource again; see the place named"),
    "not_a_resource": ("it is JSON without a usable resourceType", "take the file out of the site's folder"),
    "unknown_type": ("its resourceType is none of FHIR's", "have the source correct it"),
    "too_long": ("it is longer than the site's line_bytes", "raise limits.line_bytes of the site"),
    "too_deep": ("it is nested deeper than 100 levels", "have the source correct it; FHIR needs some 30"),
    "repeated_key": ("a key stands twice in one object", "have the source correct it; which one holds?"),
    "no_resource": ("a Bundle entry holds no resource", "look at the entry; a search should not give one"),
    "no_id": ("it has no id", "export with ids; without one it cannot be followed from pull to pull"),
    "bad_id": ("its id is not a FHIR id", "have the source correct the id"),
    "other_type": ("a file of an export holds a row of another type", "have the server's people look at it"),
    "cut_file": ("the compressed file ends early or is damaged", "copy the file again"),
    "conflict": (
        "different contents share this type and id, and no version or time orders them",
        "make each source its own site, or keep versionId or lastUpdated",
    ),
    "invalid": ("it breaks the FHIR standard", "have the source correct the element named"),
    "invalid_code": ("a required code is not one of the standard's", "have the source correct the code"),
}
