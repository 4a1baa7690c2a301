"""Search or bulk export: chosen by what the server says of itself, and said aloud.

Site, Capability, [Need]  ──▶  choose()  ──▶  Choice
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rwe.fhir.capability import Capability
from rwe.site import Site
from rwe.steps.ask import Need

# Of vendors whose export is known to leave types out; a type that is not there must not look like none.
NOT_EXPORTED = {
    "cerner": {"MedicationAdministration", "AdverseEvent"},
    "oracle": {"MedicationAdministration", "AdverseEvent"},
}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """level: of the export, None where there is none.  bulk, search: types by each.  words: why."""

    level: str | None = None
    bulk: tuple[Need, ...] = ()
    search: tuple[Need, ...] = ()
    words: tuple[str, ...] = ()


def choose(site: Site, can: Capability, needs: Sequence[Need]) -> Choice:
    """What is fetched by reference is in neither."""
    level, why = _level(site, can)
    if level is None:
        return Choice(search=tuple(n for n in needs if not n.referred_by), words=(why,))
    known = bool(can.types())  # without a statement there is no search to fetch the rest by
    left_out = NOT_EXPORTED.get(can.vendor or "", set())
    bulk = [
        n for n in needs if n.kind not in left_out and (level == "system" or not known or _of_patients(n))
    ]
    bulk = [n for n in bulk if not (known and n.referred_by)]
    search = [n for n in needs if n not in bulk and not n.referred_by]
    words = [why, *([f"by search: {', '.join(n.kind for n in search)}"] if search else [])]
    return Choice(level=level, bulk=tuple(bulk), search=tuple(search), words=tuple(words))


def _of_patients(need: Need) -> bool:
    """A Medication is in no patient's compartment."""
    return need.kind != "Medication"


def _level(site: Site, can: Capability) -> tuple[str | None, str]:
    method, group, offered = site.table.method, site.table.group, can.exports()
    if method == "search" or (method != "bulk" and can.vendor == "epic"):
        return None, "by search" + ("" if method == "search" else ": an export here may take weeks")
    if group and (method == "bulk" or "Group" in offered):
        return f"Group/{group}", "by bulk export of the Group"
    if group:
        return None, "by search for the Group's patients: the server declares no export of a Group"
    for level in ("system", "Patient"):
        if level in offered:
            return level, f"by bulk export, {level} level"
    if method == "bulk":
        return "system", "by bulk export, system level, though the server does not declare it"
    return None, "by search: the server declares no bulk export"
