"""The numbers that each table of the report has to hold, row by row, from results.json alone."""

from collections import defaultdict
from itertools import groupby

from tokens import few_digits, fixed, grade, interval, p_value, quartiles, reasons, share, tokens

ARMS = ("treated", "control")
THEMES = ("total", "severity", "grade", "causality", "infusion", "term")


def digits(d, endpoint):
    return next((e["digits"] for e in d["design"]["endpoints"] if e["id"] == endpoint), 2)


def ordered(d, rows, *keys):
    """By what the study declares, each key in its order."""
    declared = {
        "analysis": d["design"]["analyses"], "endpoint": [e["id"] for e in d["design"]["endpoints"]],
        "measure": ["value", "change"], "stratum": d["design"]["strata"],
        "visit": [v["name"] for v in d["design"]["visits"]],
    }  # fmt: skip

    def place(key, value):
        return declared[key].index(value) if value in declared[key] else len(declared[key])

    return sorted(rows, key=lambda r: [place(key, r[key]) for key in keys])


def flow(d):
    """Step by step: the counted cells, each with in and out by site."""
    sites = [s["id"] for s in d["sites"]]
    for _, group in groupby(d["attrition"], key=lambda a: (a["step"], a["description"])):
        cells = defaultdict(lambda: dict.fromkeys(sites, (0, 0)))
        for a in group:
            n_in, n_out = cells[a["arm"], a["stratum"]][a["site"]]
            cells[a["arm"], a["stratum"]][a["site"]] = (n_in + a["n_in"], n_out + a["n_out"])
        arms, strata = [None, *ARMS], [None, *d["design"]["strata"]]
        yield dict(sorted(cells.items(), key=lambda item: (arms.index(item[0][0]), strata.index(item[0][1]))))


def sums(by_site):
    return tuple(sum(pair[i] for pair in by_site) for i in (0, 1))


def attrition(d):
    for cells in flow(d):
        rows = [list(by_site.values()) for by_site in cells.values()]
        if len(rows) > 1:
            rows.insert(0, [sums(site) for site in zip(*rows, strict=True)])
        for by_site in rows:
            n_in, n_out = sums(by_site)
            yield [str(n) for n in (n_in, abs(n_in - n_out), n_out, *(n for pair in by_site for n in pair))]


def baseline(d):
    for b in ordered(d, d["baseline"], "stratum"):
        row, known = [], [b[arm][q] for arm in ARMS for q in ("median", "q1", "q3")]
        declared = any(e["id"] == b["variable"] for e in d["design"]["endpoints"])
        places = digits(d, b["variable"]) if declared else few_digits(known)
        for arm in (b[name] for name in ARMS):
            row.append(str(arm["n"]))
            if arm["count"] is not None:
                row += share(arm["count"], arm["n"])
            else:
                row += [*quartiles(arm, places), *fixed(arm["mean"], places), *fixed(arm["sd"], places)]
            row.append(str(arm["n_missing"]))
        yield row + fixed(b["smd"], 2) + grade(b["smd"])


def scores(d):
    for p in d["propensity"]:
        row = []
        for arm in (p[name] for name in ARMS):
            least, q1, median, q3, most = arm["weights"] or [None] * 5
            row += [
                str(arm["n"]),
                str(arm["n_missing"]),
                *reasons(arm["missing"]),
                *fixed(arm["effective"], 1),
            ]
            row += [t for w in (median, q1, q3, least, most) for t in fixed(w, 2)]
        yield row


def balance(d):
    for b in (b for p in d["propensity"] for b in p["balance"]):
        means = [b[f"{arm}_{when}"] for when in ("before", "after") for arm in ARMS]
        places, scale = (few_digits(means), 1) if b["level"] is None else (0, 100)
        row = [t for m in means[:2] for t in fixed(m, places, scale)] + fixed(b["smd_before"], 2)
        row += [t for m in means[2:] for t in fixed(m, places, scale)] + fixed(b["smd_after"], 2)
        yield row + grade(b["smd_after"])


def overlap(d):
    for p in d["propensity"]:
        for pair in zip(p["treated"]["scores"] or [], p["control"]["scores"] or [], strict=True):
            yield [str(n) for n in pair]


def primary(d):
    keys = ("analysis", "endpoint", "measure", "stratum", "visit")
    for c in ordered(d, [c for c in d["comparisons"] if c["primary"]], *keys):
        ps = [t for p in ("p", "p_holm", "p_bh") for t in p_value(c["test"][p])]
        sizes = [str(c[arm]["n"]) for arm in ARMS]
        yield sizes + interval(c["estimate"], digits(d, c["endpoint"])) + ps


def overview(d):
    rows = [c for c in d["comparisons"] if c["analysis"] == d["design"]["analyses"][0]]
    rows = ordered(d, rows, "stratum", "endpoint", "measure", "visit")
    for _, group in groupby(rows, key=lambda c: (c["stratum"], c["endpoint"], c["measure"])):
        row = []
        for c in group:
            row += interval(c["estimate"], digits(d, c["endpoint"]))
            row += p_value(c["test"]["p"]) + p_value(c["test"]["p_holm"])
        yield row


def compared(d):
    """Tables of an endpoint each, in the order in which they stand: plain ones, then adjusted ones."""
    rows = ordered(d, d["comparisons"], "analysis", "endpoint", "measure", "stratum", "visit")
    for _, group in groupby(rows, key=lambda c: (c["analysis"], c["endpoint"], c["measure"])):
        same = list(group)
        yield "adjusted-" if same[0]["adjusted"] else "comparison-", [_comparison(d, c) for c in same]


def _comparison(d, c):
    places, row = digits(d, c["endpoint"]), []
    for name in ARMS:
        arm, weighted = c[name], (c["adjusted"] or {}).get(name)
        row += [str(arm["n"]), *(fixed(weighted["effective"], 1) if weighted else [])]
        row += [str(arm["n_missing"]), *reasons(arm["missing"])]
        if weighted:
            row += fixed(weighted["mean"], places) + fixed(arm["mean"], places)
        else:
            row += quartiles(arm, places)
            row += [
                t for of in ("mean", "sd") for t in fixed(arm[of], places) if "mean" in c["estimate"]["name"]
            ]
            row += [str(arm[of]) for of in ("n_censored", "n_dead") if arm[of]]
    row += interval(c["estimate"], places) + [
        t for p in ("p", "p_holm", "p_bh") for t in p_value(c["test"][p])
    ]
    return row + (_beside(d, c) if c["adjusted"] else [])


def _beside(d, c):
    same = ("endpoint", "measure", "stratum", "visit")
    main = [m for m in d["comparisons"] if m["analysis"] == d["design"]["analyses"][0]]
    (other,) = [m for m in main if all(m[key] == c[key] for key in same)]
    return interval(other["estimate"], digits(d, c["endpoint"])) + p_value(other["test"]["p"])


def _counts(d, found):
    """Sums over sites of both arms, by stratum and visit as they are ordered."""
    for _, group in groupby(ordered(d, found, "stratum", "visit"), key=lambda v: (v["stratum"], v["visit"])):
        here = list(group)
        yield [[v for v in here if v["arm"] == arm] for arm in ARMS]


def presence(d):
    first = [v for v in d["visits"] if v["endpoint"] == d["visits"][0]["endpoint"]]
    for arms in _counts(d, first):
        yield [str(sum(v[key] for v in arm)) for arm in arms for key in ("n", "alive", "seen")]


def missing(d):
    """The column of those treated later is there only where anybody was."""
    later = any(v["treated_later"] for v in d["visits"])
    for e in d["design"]["endpoints"]:
        for arms in _counts(d, [v for v in d["visits"] if v["endpoint"] == e["id"]]):
            yield [t for arm in arms for t in _ways(arm, later)]


def _ways(arm, later):
    aside = defaultdict(int)
    for v in arm:
        for reason, n in v["set_aside"].items():
            aside[reason] += n
    numbers = [
        sum(v["measured"] for v in arm), *([sum(v["treated_later"] for v in arm)] if later else []),
        sum(v["dead"] for v in arm),
        sum(v["not_measured"]["lost"] for v in arm), sum(v["not_measured"]["in_contact"] for v in arm),
        sum(aside.values()),
    ]  # fmt: skip
    late = sum(v["window_not_reached"] for v in arm)
    return [str(n) for n in numbers] + reasons(aside) + [str(late)]


def _events(d, theme):
    rows = ordered(d, [e for e in d["adverse_events"] if e["theme"] == theme], "stratum")
    if theme == "term":
        rows.sort(key=lambda e: (-sum(e[arm]["patients"] for arm in ARMS), e["term"]))
        rows = ordered(d, rows, "stratum")
    if theme in ("severity", "grade", "causality") and all(e["reason"] == "not_stated" for e in rows):
        return []
    return rows


def _unasked(e, arm):
    return e["reason"] == "not_ascertained" and arm["events"] == 0


def _limits(found, places, scale=1):
    ends = [t for end in ("ci_low", "ci_high") for t in fixed(found[end], places, scale)]
    return ends if found["value"] else ends[1:]


def risks(d, theme):
    for e in _events(d, theme):
        row = []
        for arm in [e[name] for name in ARMS if theme != "infusion" or name == "treated"]:
            if arm["risk"] and not _unasked(e, arm):
                row += share(arm["patients"], arm["n"]) + _limits(arm["risk"], 1, 100) + [str(arm["events"])]
        if theme not in ("causality", "infusion"):
            difference = "difference" in e["estimate"]["name"]
            row += interval(e["estimate"], 1 if difference else 2, 100 if difference else 1)
            row += [t for p in ("p", "p_holm", "p_bh") for t in p_value(e["test"][p])]
        yield row


def rates(d, theme):
    for e in _events(d, theme):
        row = []
        for arm in [e[name] for name in ARMS if theme != "infusion" or name == "treated"]:
            for rate, days in (("first_rate", "person_days"), ("event_rate", "follow_up_days")):
                if arm[rate] and not _unasked(e, arm):
                    row += fixed(arm[rate]["value"], 1) + _limits(arm[rate], 1) + fixed(arm[days] / 365.25, 1)
        if theme not in ("causality", "infusion"):
            for kind in ("first_rate_ratio", "event_rate_ratio"):
                row += _ratio(e[kind]["estimate"]) + p_value(e[kind]["test"]["p"])
        yield row


def _ratio(e):
    if e["value"] is None and e["ci_low"] is not None:
        return fixed(e["ci_low"], 2) + fixed(e["ci_high"], 2)
    return interval(e, 2)


def sites(d):
    for c in (c for s in d["sites"] for c in s["resources"].values()):
        parts = [c[k] for k in ("mapped", "superseded", "gone", "set_aside")]
        lacking = 0 if c["asked"] is None else c["asked"] - sum(parts)
        counts = [c["asked"], c["landed"], *parts, lacking or None]
        yield [str(n) for n in counts if n is not None]


def checks(d):
    rank = ("error", "warning", "info")
    for c in sorted(d["checks"], key=lambda c: rank.index(c["severity"])):
        yield [str(c["n"])]


def units(d):
    for u in d["units"]:
        yield [*tokens(u["to"]), f"{u['factor']:g}", f"{u['offset']:g}", str(u["n"])]


def visits(d):
    for v in d["design"]["visits"]:
        yield [f"{v[key]:g}" for key in ("target", "start", "end")]


def endpoints(d):
    for e in d["design"]["endpoints"]:
        yield [*tokens(e["id"]), *tokens(e["unit"]), str(e["digits"])]


def design(d):
    facts = d["design"]
    texts = [facts[k] for k in ("treatment", "control", "time_zero_treated", "time_zero_control")]
    texts += [rule["text"] for rule in facts["definitions"]]
    yield from (
        tokens(text) for text in (*texts, "", ", ".join(facts["strata"]), ", ".join(facts["analyses"]))
    )


def software(d):
    plan = [
        d["plan"]["locked_at"] or "",
        d["plan"]["first_comparison_at"] or "",
        *(d["plan"]["changed_since"] or []),
    ]
    s = d["software"]
    study = d["study"]
    yield tokens(f"{study['id']} {study['title']}")
    yield tokens(study["sha256"])
    yield tokens(f"{s['name']} {s['version']}")
    yield from (
        tokens(s["sql_sha256"]),
        tokens(s["mappings_sha256"]),
        [],
        [t for text in plan for t in tokens(text)],
    )


ONE = {
    "attrition": attrition, "design": design, "visits": visits, "endpoints": endpoints,
    "baseline-table": baseline, "scores": scores, "balance-weighted": balance, "overlap": overlap,
    "primary": primary, "overview": overview, "presence": presence, "missing-table": missing,
    "checks-table": checks, "units-table": units, "software": software, "sites": sites,
}  # fmt: skip


def expected(d):
    """(beginning of the table's id, numbers of each row), in the order in which the tables stand."""
    for name, make in ONE.items():
        yield name, list(make(d))
    for theme in THEMES:
        if _events(d, theme):
            yield f"events-{theme}", list(risks(d, theme))
            yield f"events-{theme}-rates", list(rates(d, theme))
    yield from compared(d)
