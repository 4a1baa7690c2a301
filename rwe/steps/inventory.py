"""inventory: which resources the store holds, in which version, for an outside check.

resource  ──▶  {Type: {id: versionId}}
"""

from pathlib import Path

from rwe import site
from rwe.errors import UsageError
from rwe.steps import folder, lineage
from rwe.store import Store


def inventory(study_dir: Path, *, site_id: str | None) -> dict[str, dict[str, str | None]]:
    """Of one site; it has to be named where the study has several.  What is set aside or gone is not held."""
    sites = site.select(site.load(study_dir), [site_id] if site_id else [])
    if len(sites) > 1:
        names = ", ".join(s.id for s in sites)
        raise UsageError("ids are of one site", hint=f"--site is one of {names}")
    found: dict[str, dict[str, str | None]] = {}
    with Store.open(folder.data_folder(study_dir)) as store:
        store.require("resource", by="map")
        lineage.require(store, "map", lineage.of_map(study_dir))
        held = "FROM resource WHERE site_id = ? AND fate = 'mapped' ORDER BY ALL"
        rows = store.rows(f"SELECT resource_type, id, version {held}", [sites[0].id])
        for kind, identity, version in rows:
            found.setdefault(kind, {})[identity] = version
    return found
