"""sql: the exact SQL that each step runs, by name."""

from pathlib import Path

from rwe import data
from rwe.errors import UsageError

STEPS = (*data.SQL_STEPS, "codes", "why", "export")
VERSIONS = {"r4": "4.0.1", "r4b": "4.3.0", "r5": "5.0.0"}


def names() -> list[str]:
    """In the order in which they run; mappings by FHIR version."""
    mappings = [f"{short}/{f.stem}" for short, v in VERSIONS.items() for f in data.mapping_files(v)]
    return mappings + list(_files())


def text(name: str) -> str:
    """Of a mapping: what runs for one shard, here called `lines`, of a site that has no address."""
    if name in _files():
        return _files()[name].read_text(encoding="utf-8").rstrip()
    short, _, table = name.partition("/")
    if short in VERSIONS:
        from rwe.steps.map import views  # noqa: PLC0415  a second, which a list and a file need not wait for

        for view in views(VERSIONS[short]):
            if view.name == table:
                return view.query("lines")
    raise UsageError(f"there is no SQL called {name}", hint="`rwe sql` lists the names")


def _files() -> dict[str, Path]:
    return {f"{step}/{f.stem}": f for step in STEPS for f in data.sql_files(step)}
