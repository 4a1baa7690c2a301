"""A store with replicates as its sites, from the mapped tables on; a cohort built in it by rwe itself."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl

from rwe import study
from rwe.steps import arrivals, cohort
from rwe.steps import map as mapping
from rwe.store import Store, literal, quoted
from tests.sim.tables import people, tables

FOLDER = Path(__file__).parent / "study"
PLAN = study.load(FOLDER)


def with_future_treated() -> study.Study:
    """The plan, but who is treated later may be a control until then."""
    control = PLAN.file.control
    assert control.risk_set is not None
    risk_set = control.risk_set.model_copy(update={"future_treated": True})
    file = PLAN.file.model_copy(update={"control": control.model_copy(update={"risk_set": risk_set})})
    return replace(PLAN, file=file)


@contextmanager
def built(
    numbers: Iterable[int], folder: Path, *, shuffled: int | None = None, plan: study.Study = PLAN
) -> Iterator[Store]:
    """shuffled: the rows of every table in an order of this seed."""
    with Store.temporary(folder) as store:
        found = tables(people(numbers))
        if shuffled is not None:
            found = {t: rows.sample(fraction=1, shuffle=True, seed=shuffled) for t, rows in found.items()}
        fill(store, found, folder)
        cohort.build(store, plan)
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
