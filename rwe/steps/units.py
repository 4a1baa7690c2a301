"""The conversions that the study's data need, as a table that SQL joins.

    unit_pair (what occurs), [[unit]]  ──▶  write()  ──▶  unit_conversion

The study's own [[unit]] goes before everything; the rest is asked of rwe.units, pair by pair.  A pair that
cannot be converted has its row too: how says why, and factor is NULL.
"""

from collections.abc import Iterator
from decimal import Decimal

from rwe import units
from rwe.store import Store
from rwe.study import Study
from rwe.units import Conversion

TABLE = """
CREATE OR REPLACE TABLE unit_conversion (
    from_unit VARCHAR, to_unit VARCHAR, factor DECIMAL(38, 9), addend DECIMAL(38, 9) DEFAULT 0,
    divisor DOUBLE DEFAULT 1, how VARCHAR DEFAULT 'study');
"""
Row = tuple[str, str, Decimal | None, Decimal | None, float | None, str]


def write(store: Store, plan: Study) -> None:
    store.run(TABLE)
    pairs = store.rows("SELECT from_unit, to_unit FROM unit_pair ORDER BY ALL")
    store.insert("unit_conversion", list(_rows(plan, pairs)))


def _rows(plan: Study, pairs: list[tuple[str, str]]) -> Iterator[Row]:
    declared = {(u.source, u.target): Decimal(repr(u.factor)) for u in plan.file.unit}
    for (source, target), factor in declared.items():
        yield source, target, factor, Decimal(0), 1.0, "study"
    for source, target in pairs:
        if (source, target) not in declared:
            yield _row(source, target)


def _row(source: str, target: str) -> Row:
    found = units.convert(source, target)
    if isinstance(found, Conversion):
        return source, target, found.factor, found.addend, found.divisor, found.how
    return source, target, None, None, None, found.why
