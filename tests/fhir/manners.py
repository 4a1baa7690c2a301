"""What a server does otherwise than a good one, and vendors that do."""

from dataclasses import dataclass
from typing import Literal

from tests.fhir.searching import R4


@dataclass(frozen=True, kw_only=True)
class Manners:
    """unknown: a parameter that the server does not know is refused with 400, dropped also from the self
    link, or kept in it and then nothing is found (WSO2).  ignores: parameters to treat as unknown.
    needs_category: Observation is refused without category or code (Epic).  total: of a page; an estimate
    is right on the last.  paging: over what was there at the first page, or by OFFSET over the newest
    first, which skips rows when others write (WSO2).  most: the largest page, asked for or not.
    blind: Type.parameter that is declared and finds nothing.  to_the_second: lastUpdated as it is told; the
    search knows it to the millisecond.  includes: the searchInclude of MedicationAdministration.
    include: what _include brings: what it should; that, but no entry has a search.mode; nothing, and the self
    link names it or not; a refusal.
    """

    unknown: Literal["refuse", "drop", "keep"] = "drop"
    ignores: frozenset[str] = frozenset()
    needs_category: bool = False
    history: bool = True
    total: Literal["exact", "none", "estimate"] = "exact"
    paging: Literal["snapshot", "offset"] = "snapshot"
    page: int = 20
    most: int = 1000
    post_search: bool = True
    meta: bool = True
    blind: frozenset[str] = frozenset()
    to_the_second: bool = False
    includes: tuple[str, ...] = ("MedicationAdministration:medication",)
    include: Literal["give", "bare", "hollow", "drop", "refuse"] = "give"
    offers: tuple[str, ...] = tuple(R4)


GOOD = Manners()
WSO2 = Manners(
    unknown="keep",
    total="none",
    paging="offset",
    ignores=frozenset({"_sort"}),
    blind=frozenset({"MedicationAdministration.code"}),
    to_the_second=True,
)
EPIC = Manners(
    needs_category=True,
    history=False,
    post_search=False,
    meta=False,
    ignores=frozenset({"_lastUpdated"}),
    includes=(),
    include="refuse",
)
GOOGLE = Manners(total="estimate")
