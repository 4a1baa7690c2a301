"""A store with replicates as its sites, from the mapped tables on; a cohort built in it by rwe itself."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from rwe import study
from rwe.steps import arrivals, cohort
from rwe.steps import map as mapping
from rwe.store import Store, literal, quoted
from tests.sim.tables import people, tables

FOLDER = Path(__file__).parent / "study"
PLAN = study.load(FOLDER)


@contextmanager
def built(numbers: Iterable[int], folder: Path, *, shuffled: int | None = None) -> Iterator[Store]:
    """shuffled: the rows of every table in an order of this seed."""
    with Store.temporary(folder) as store:
        found = tables(people(numbers))
        if shuffled is not None:
            found = {t: rows.sample(fraction=1, shuffle=True, seed=shuffled) for t, rows in found.items()}
        fill(store, found, folder)
        cohort.build(store, PLAN)
        yield store


def fill(store: Store, found: dict[str, pl.DataFrame], folder: Path) -> None:
    """As `rwe map` leaves it; what no replicate has stays NULL or empty."""
    store.run(arrivals.KEPT + arrivals.ANEW)
    for view in mapping.views("4.0.1"):
        columns = ", ".join(f"{quoted(c.name)} {c.type}" for c in view.columns)
        store.run(f"CREATE TABLE {quoted(view.name)} (site_id VARCHAR, {columns})")
    for name, rows in found.items():
        path = folder / f"{name}.parquet"
        rows.write_parquet(path)
        store.run(f"INSERT INTO {quoted(name)} BY NAME FROM read_parquet({literal(str(path))})")
        path.unlink()
    pulled = "SELECT DISTINCT site_id, '4.0.1', 'files', '2021-01-01T00:00:00Z', NULL FROM patient"
    store.run(f"INSERT INTO site {pulled}")
