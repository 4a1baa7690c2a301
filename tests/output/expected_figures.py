"""The numbers that each figure has to say in its description and show in its labels, from the JSON alone."""

from itertools import groupby

from expected_tables import ARMS, digits, flow, ordered, sums
from tokens import fixed, interval, quartiles, share, tokens

SMD_LINES = ["0.1", "0.25"]


def expected_figures(d):
    """Beginning of the figure's id, numbers of its description, numbers of its labels in any order."""
    yield "flow-diagram", *_flow(d)
    windows = [f"{v[key]:g}" for v in d["design"]["visits"] for key in ("target", "start", "end")]
    yield "design-diagram", windows, windows
    for p in (p for p in d["propensity"] if p["status"] == "estimated"):
        yield f"balance-{p['stratum']}", *_balance(p)
    for key, rows in _grouped(d, "endpoint", "measure", "stratum"):
        if not rows[0]["adjusted"]:
            yield f"visits-{'-'.join(key).replace('_', '-')}", *_visits(d, rows)
    for (analysis, stratum), rows in _grouped(d, "analysis", "stratum"):
        yield f"estimates-{analysis}-{stratum}", *_forest(d, rows)
    yield "events-all", *_events(d)


def _grouped(d, *keys):
    """Of several analyses the first alone, but where the analysis is a key."""
    rows = d["comparisons"]
    if "analysis" not in keys:
        rows = [c for c in rows if c["analysis"] == d["design"]["analyses"][0]]
    rows = ordered(d, rows, *keys, "endpoint", "measure", "visit")
    for key, group in groupby(rows, key=lambda c: tuple(c[k] for k in keys)):
        yield key, list(group)


def _flow(d):
    said, shown = [], []
    for i, cells in enumerate(flow(d)):
        name = tokens(list(dict.fromkeys(a["description"] for a in d["attrition"]))[i])
        n_in, n_out = sums([sums(c.values()) for c in cells.values()])
        said += [*name, str(n_in), str(n_in - n_out), str(n_out)]
        shown += [*name, *([] if i else [str(n_in)])]
        for arm in (None, *ARMS):
            mine = {stratum: sums(c.values()) for (a, stratum), c in cells.items() if a == arm}
            if mine:
                a, b = sums(mine.values())
                shown += [str(b), *([str(a - b)] if a != b else [])]
                shown += [str(left) for stratum, (_, left) in mine.items() if stratum]
    return said, shown


def _balance(p):
    said = []
    for b in p["balance"]:
        for smd in (b["smd_before"], b["smd_after"]):
            said += fixed(None if smd is None else abs(smd), 2)
    return [*SMD_LINES, *said], SMD_LINES


def _visits(d, rows):
    places = digits(d, rows[0]["endpoint"])
    said = [t for c in rows for arm in ARMS for t in (*quartiles(c[arm], places), str(c[arm]["n"]))]
    return said, [str(c[arm]["n"]) for c in rows for arm in ARMS]


def _forest(d, rows):
    said = [t for c in rows for t in interval(c["estimate"], digits(d, c["endpoint"]))]
    # a panel without any estimate says so once, in its labels
    return said, said


def _events(d):
    rows = [e for e in d["adverse_events"] if e["theme"] in ("total", "term") and e["stratum"] == "all"]
    rows.sort(key=lambda e: (e["theme"] == "term", -sum(e[arm]["patients"] for arm in ARMS), e["term"]))
    said, shown = [], []
    for e in rows:
        for arm in (e[name] for name in ARMS):
            if e["reason"] == "not_ascertained" and arm["events"] == 0:
                continue
            said += share(arm["patients"], arm["n"])
            said += [t for end in ("ci_low", "ci_high") for t in fixed(arm["risk"][end], 1, 100)]
            shown += [str(arm["patients"]), str(arm["n"])]
    return said, shown
