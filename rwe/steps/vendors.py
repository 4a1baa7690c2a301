"""What is known of vendors' servers, as far as it matters to a pull: for `rwe doctor` to say.

What is then done of it stands where it is done: rwe.steps.choose, by_search and by_bulk.
"""

ORACLE = (
    "Oracle Health: its exports leave MedicationAdministration and AdverseEvent out, so these are fetched by "
    "search; files may lie on another server, to be listed in allowed_origins"
)
GROUP = ": an export of a Group is always whole, for its _since goes by the date of the Patient alone"
MEANS = {
    "epic": "Epic: by search, for an export may take weeks; all is fetched each time and compared, for "
    "nothing tells what is new",
    "cerner": ORACLE,
    "oracle": ORACLE,
    "hapi": f"HAPI{GROUP}",
    "smile": f"Smile CDR{GROUP}",
    "wso2": "WSO2: rows may move between its pages while others write; a walk that comes short is made twice",
}


def means(vendor: str | None) -> str:
    return MEANS.get(vendor or "", "no vendor is recognised that wants something of its own")
