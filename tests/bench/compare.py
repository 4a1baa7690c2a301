"""`rwe compare` against the bare calls of numpy and scipy, an exact test and a shift of many pairs.

    python -m tests.bench.compare [--patients 20000] [--rounds 5]

The bare calls have the values in arrays already; they give for each comparison the quartiles, the P value
and all that a shift with its interval needs, from all differences (whose memory this takes as well).  The
exact P of up to 200 v 200 is by rwe's own function in both: that of scipy takes ties for none, and at
182 v 178 does not end within a minute.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from rwe.steps import folder
from rwe.store import Store
from tests.bench.cohort import folder_of_one
from tests.bench.cpu import Spent, interleaved, once, python, rwe

TABLES = Path(__file__).with_name("compare.sql")
SIXTH = '[[visit]]\nname = "d60"\ntarget = 50\nfrom = 40\nto = 60\n\n[[visit]]\nname = "d90"'
ENDPOINT = (
    '[[endpoint]]\nid = "e{}"\nlabel = "e{}"\nkind = "quantity"\ncodes = "fev1"\nunit = "L"\ndigits = 2\n\n'
)
IMPORTS = """
import numpy as np
from scipy.stats import mannwhitneyu, rankdata
from rwe.stats.permutation import exact_p
held = np.load({held!r})
"""
BARE = """
for name in {{n[:-1] for n in held.files}}:
    x, y = held[name + "t"], held[name + "c"]
    if x.size * y.size <= 40_000:
        ranks = (2 * rankdata(np.concatenate([x, y]))).astype(np.int64)
        exact_p(np.sort(ranks), treated=x.size, observed=int(ranks[:x.size].sum()))
    else:
        mannwhitneyu(x, y, method="asymptotic")
    np.quantile(x, [.25, .5, .75]), np.quantile(y, [.25, .5, .75])
    {shift}
"""
SHIFT = """
    k, pairs = int(.47 * x.size * y.size), x.size * y.size
    np.partition(np.subtract.outer(x, y).ravel(), [k, pairs // 2, pairs - k])
"""
STATS = """
import numpy as np
from rwe.stats.ranks import mann_whitney_exact
from rwe.stats.shift import hodges_lehmann
from rwe.stats.summaries import TwoSamples
random = np.random.default_rng(1)
def arms(n, digits):
    return TwoSamples.of(random.normal(0.2, 1, n).round(digits), random.normal(0, 1, n).round(digits))
"""


@contextmanager
def built(patients: int) -> Iterator[Path]:
    """A study folder whose store is at what `rwe cohort` leaves; beside it `held.npz`."""
    with tempfile.TemporaryDirectory() as name:
        study = folder_of_one(Path(name))
        _ask(study / "study.toml")
        for verb in ("pull", "map", "cohort"):
            once(rwe(verb, "--dir", study))
        with Store.open(folder.data_folder(study)) as store:
            with store.transaction("cohort"):
                store.run(TABLES.read_text().format(n=patients))
            _hold(store, Path(name) / "held.npz")
        yield study


def _ask(path: Path) -> None:
    """Twelve endpoints, six visits, the exact test where it is to be had."""
    before, _, rest = path.read_text().partition('[[endpoint]]\nid = "FEV1"')
    text = (
        before + "".join(ENDPOINT.format(n, n) for n in range(12)) + rest[rest.index("# Each analysis is") :]
    )
    text = text.replace('[[visit]]\nname = "d90"', SIXTH)
    path.write_text(text.replace('"mann_whitney_asymptotic"\nquant', '"mann_whitney_exact"\nquant'))


def _hold(store: Store, path: Path) -> None:
    found = defaultdict(list)
    said = "SELECT endpoint || visit || stratum || arm[1], value FROM endpoint_value"
    for name, value in store.rows(f"{said} WHERE NOT is_baseline AND value IS NOT NULL"):
        found[name].append(value)
    np.savez(path, **{name: np.array(values) for name, values in found.items()})


def compared(patients: int, rounds: int) -> None:
    with built(patients) as study:
        held = IMPORTS.format(held=str(study.parent / "held.npz"))
        commands = {
            "start of the bare calls": python(held),
            "bare calls": python(held + BARE.format(shift=SHIFT)),
            "the same without the shift": python(held + BARE.format(shift="")),
            "start of rwe": python("import duckdb, scipy.special, rwe.steps.compare, rwe.output.terminal"),
            "rwe compare": rwe("compare", "--dir", study),
        }
        spent = interleaved(commands, rounds=rounds)
    bound = spent["bare calls"].cpu - spent["start of the bare calls"].cpu
    print(f"\n{patients} patients, 12 endpoints, 6 visits, 2 strata (goal: 2 x); each start taken off")
    for name, s in spent.items():
        begun = spent["start of rwe" if "rwe" in name else "start of the bare calls"].cpu
        print(f"  {name:28s} {s}   {(s.cpu - begun) / bound:5.2f} x")


def tests(rounds: int) -> None:
    commands = {
        "start": python(STATS),
        "exact, 200 v 200, two digits": python(f"{STATS}mann_whitney_exact(arms(200, 2))"),
        "exact, 200 v 200, no ties": python(f"{STATS}mann_whitney_exact(arms(200, 15))"),
        "shift, 10,000 v 10,000": python(f"{STATS}hodges_lehmann(arms(10_000, 15))"),
    }
    _show(interleaved(commands, rounds=rounds))


def _show(spent: dict[str, Spent]) -> None:
    print("\none test (goals: exact at most 1 s, the shift at most 2,000 MB); start taken off")
    for name, s in spent.items():
        print(f"  {name:28s} {s}   {s.cpu - spent['start'].cpu:5.2f} s")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--patients", type=int, default=20_000)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    tests(given.rounds)
    compared(given.patients, given.rounds)
