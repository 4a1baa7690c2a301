"""One patient's way as plain text.  What is not printable is escaped: it comes from the records."""

from collections.abc import Iterator, Sequence

from rwe.steps.show import table
from rwe.steps.why import VALUE, Row, Way

HEADS = ("arm", "endpoint", "visit", "value", "", "unit", "measured", "reference", "none, for", "set aside")
FATES = {"passed": "passed", "left_out": "LEFT OUT", "also": "would leave out too", "not_reached": "–"}


def way_text(way: Way) -> str:
    return "\n\n".join(_parts(way))


def escaped(value: object) -> object:
    """A text as one line of printable characters; anything else as it is."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)


def _parts(way: Way) -> Iterator[str]:
    yield f"{escaped(way.site)}/{escaped(way.patient)}: {'analysed' if way.in_cohort else 'not analysed'}"
    fates = [{**s, "fate": FATES[s["fate"]]} for s in way.steps]
    yield _table(("description", "fate", "reason"), fates, heads=("step", "", "why"))
    yield "\n".join(_time_zero(way))
    if way.starts:
        yield _table(("kind", "reference", "happened", "verdict", "made_it"), way.starts)
    yield f"stratum: {', '.join(str(escaped(s)) for s in way.strata if s) or 'none'}"
    if way.states:
        yield _table(
            ("stratum", "reference", "element", "happened", "is_carried", "up_to_time_zero", "made_it"),
            way.states,
        )
    if way.values:
        yield _table(VALUE, way.values, heads=HEADS)


def _time_zero(way: Way) -> Iterator[str]:
    for z in way.time_zero:
        yield f"anchor: {z['anchor_at'] or z['anchor_date']}"
        if z["arm"] is None:
            yield f"no arm: {escaped(z['no_arm'])}"
        else:
            until = f", until {z['censor_at'] or z['censor_date']}" if z["censor_date"] else ""
            yield f"{z['arm']}, time zero: {z['zero_at'] or z['zero_date']}{until}"
    if not way.time_zero:
        yield "no anchor, and so no time zero"


def _table(columns: Sequence[str], rows: Sequence[Row], *, heads: Sequence[str] = ()) -> str:
    cells = [[_said(row[c]) for c in columns] for row in rows]
    return table(heads or [c.replace("_", " ") for c in columns], cells)


def _said(value: object) -> object:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else escaped(value)
