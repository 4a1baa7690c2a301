"""The numbers that the sentences of the report have to hold, in their order, from results.json alone."""

from collections import Counter

from expected_tables import ARMS, flow, sums
from tokens import fixed, p_value, reasons


def _rows(d, analysis):
    return [c for c in d["comparisons"] if c["analysis"] == analysis]


def _small(rows, key):
    return [c["test"][key] for c in rows if c["test"][key] is not None]


def cautions(d):
    """At the head: failed checks, then the rows of Table 1 that are apart."""
    errors = Counter()
    for c in d["checks"]:
        errors[c["rule"]] += c["n"] if c["severity"] == "error" else 0
    row = [str(n) for n in errors.values() if n]
    for stratum in d["design"]["strata"]:
        here = [b for b in d["baseline"] if b["stratum"] == stratum]
        apart = [b["smd"] for b in here if b["smd"] is not None and abs(b["smd"]) > 0.25]
        if apart:
            row += [str(len(apart)), str(len(here)), "0.25", *(t for smd in apart for t in fixed(smd, 2))]
    return row


def summary(d):
    row = []
    for analysis in d["design"]["analyses"]:
        rows = _rows(d, analysis)
        m = sum(c["status"] == "estimated" for c in rows)
        row += [str(len(rows)), str(m), str(m)]
        if m:
            raw, holm, bh = (_small(rows, key) for key in ("p", "p_holm", "p_bh"))
            row += [
                str(sum(p < 0.05 for p in raw)),
                str(m),
                *(str(sum(p < 0.05 for p in ps)) for ps in (holm, bh)),
            ]
            row += p_value(min(holm)) + (p_value(min(bh)) if bh else []) + fixed(m * 0.05, 1)
    return row


def methods(d):
    """By the heading above each paragraph."""
    return {
        "Design and population": _design(d),
        "Time zero and controls": [],
        "Visits and endpoints": [
            f"{v[key]:g}" for v in d["design"]["visits"] for key in ("target", "start", "end")
        ],
        "Comparisons": _compared(d),
        "Multiplicity": [n for a in d["design"]["analyses"] for n in _family(_rows(d, a))],
        "Adjustment": [n for p in d["propensity"] for n in _score(p)],
        "Missing values": [n for a in d["design"]["analyses"] for n in _missing(_rows(d, a))],
        "Adverse events": [],
        "Data": _data(d),
        "Software and plan": [],
    }


def _design(d):
    steps = [(cells, sums([sums(by_site.values()) for by_site in cells.values()])) for cells in flow(d)]
    last = steps[-1][0]
    arms = [sum(sums(c.values())[1] for (arm, _), c in last.items() if arm == name) for name in ARMS]
    return [str(n) for n in (*arms, len(d["sites"]), steps[0][1][0], steps[-1][1][1])]


def _compared(d):
    row = []
    for analysis in d["design"]["analyses"]:
        rows = _rows(d, analysis)
        if not rows[0]["adjusted"]:
            lost = Counter(c["reason"] for c in rows if c["status"] != "estimated")
            row += [str(n) for n in (len(rows), *lost.values())]
    return row


def _family(rows):
    m = str(sum(c["status"] == "estimated" for c in rows))
    return [str(len(rows)), m, m]


def _score(p):
    if p["status"] != "estimated":
        return []
    row = [str(p["steps"])]
    for arm in (p[name] for name in ARMS):
        row += [str(arm["n"]), *fixed(arm["effective"], 1)]
        row += [str(arm["n_missing"]), *reasons(arm["missing"])] if arm["n_missing"] else []
    far = [abs(b["smd_after"]) for b in p["balance"] if b["in_score"] and b["smd_after"] is not None]
    return row + fixed(max(far), 2)


def _missing(rows):
    arms = [c[arm] for c in rows for arm in ARMS]
    lacking, why = sum(a["n_missing"] for a in arms), Counter()
    for a in arms:
        why.update(a["missing"])
    return [str(lacking), str(lacking + sum(a["n"] for a in arms)), *reasons(why)]


def _data(d):
    counts = [c for s in d["sites"] for c in s["resources"].values()]
    row = [sum(c["mapped"] for c in counts), sum(c["set_aside"] for c in counts)]
    row += [sum(u["n"] for u in d["units"]), len(d["units"])]
    row += [len({c["rule"] for c in d["checks"]}), sum(c["n"] for c in d["checks"])]
    return [str(n) for n in row]
