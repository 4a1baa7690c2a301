"""codes: what each site really records, for writing code lists.

    mapped tables  ──▶  sql/codes  ──▶  [RecordedCode]

Counts of few patients are shown as they are: for the people of the site, not to be sent anywhere.
"""

from dataclasses import dataclass
from pathlib import Path

from rwe import data, site
from rwe.steps import folder, lineage
from rwe.steps.cohort import MAPPED
from rwe.store import Store

COLUMNS = (
    "site_id, resource_type, system, code, display, displays, unit, "
    "n, patients, low, high, first_day, last_day"
)


@dataclass(frozen=True, kw_only=True)
class RecordedCode:
    """One code in one unit at one site; code is None where there is only a text, which is then display.

    display is the most frequent of `displays` different ones.  low and high are of the value, or of an
    administration's dose; first and last are days, months or years, as recorded.
    """

    site: str
    type: str
    system: str | None
    code: str | None
    display: str | None
    displays: int
    unit: str | None
    n: int
    patients: int
    low: float | None
    high: float | None
    first: str | None
    last: str | None


def codes(study_dir: Path, *, site_id: str | None, kind: str | None) -> list[RecordedCode]:
    """Of one site and one resource type, or of all; an Observation's components are its own type."""
    sites = [s.id for s in site.select(site.load(study_dir), [site_id] if site_id else [])]
    with Store.open(folder.data_folder(study_dir)) as store:
        store.require(*MAPPED, by="map")
        lineage.require(store, "map", lineage.of_map(study_dir))
        for sql in data.sql_files("codes"):
            store.run_file(sql)
        rows = store.rows(f"SELECT {COLUMNS} FROM recorded_code")
    found = (_recorded(row) for row in rows)
    return [c for c in found if c.site in sites and kind in (None, c.type.partition(".")[0])]


def _recorded(row: tuple[object, ...]) -> RecordedCode:
    named = dict(zip(RecordedCode.__dataclass_fields__, row, strict=True))
    return RecordedCode(**named)  # type: ignore[arg-type]  # as COLUMNS declares them
