"""`rwe compare --sensitivity` on the demo study, held against studies that say the same."""

import re
import shutil

import msgspec
import pytest

from rwe import results, study
from rwe.steps import cohort, windows
from rwe.steps.comparisons import comparisons
from rwe.store import Store
from tests.cli import folders
from tests.run import rwe

DECLARED = '\n[propensity]\nterms = ["age", "sex", "days_from_anchor"]\n[sensitivity]\nimputations = 3\n'


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The study; results without the flag; what the command with it printed."""
    folder = folders.copy("msc", tmp_path_factory.mktemp("sensitivity") / "study")
    with (folder / "study.toml").open("a") as file:
        file.write(DECLARED)
    rwe("run", "--dir", folder)
    plain, tables = folders.results(folder), folders.tables(folder)
    before = (folder / "results" / "report.html").read_text()
    said = rwe("compare", "--sensitivity", "--dir", folder).stdout
    rwe("report", "--dir", folder)
    assert folders.tables(folder) == tables
    return folder, plain, before, said


@pytest.fixture(scope="module")
def found(ran):
    return {v["name"]: v for v in folders.results(ran[0])["sensitivity"]}


def key(c):
    return c["endpoint"], c["stratum"], c["visit"]


def test_no_other_result_changes(ran):
    folder, plain, _, _ = ran
    assert plain["sensitivity"] == []
    assert {**folders.results(folder), "sensitivity": []} == plain


def test_each_variant_has_a_row_for_each_comparison_or_a_reason(ran, found):
    main = [key(c) for c in ran[1]["comparisons"] if c["analysis"] == "published"]
    assert len(found) == 17
    assert all(v["reason"] is None for v in found.values())
    assert all([key(c) for c in v["rows"]] == main for v in found.values())


def test_every_row_has_an_estimate_with_its_method_or_a_reason_and_is_in_no_family(found):
    rows = [c for v in found.values() for c in v["rows"]]
    for c in rows:
        assert (c["status"] == "estimated") == (c["test"]["p"] is not None)
        assert c["status"] == "estimated" or c["reason"]
        assert c["test"]["name"]
        assert (c["test"]["p_holm"], c["test"]["p_bh"]) == (None, None)
    assert {c["status"] for c in rows} == {"estimated", "not_estimable"}


def test_the_adjusted_analysis_is_that_of_the_study(ran, found):
    mine = [c for c in ran[1]["comparisons"] if c["analysis"] == "adjusted"]
    for c, row in zip(mine, found["overlap_weights"]["rows"], strict=True):
        assert (row["estimate"], row["test"]["p"]) == (c["estimate"], c["test"]["p"])


def test_the_dead_are_ranked_and_the_living_imputed(ran, found):
    main = {key(c): c for c in ran[1]["comparisons"] if c["analysis"] == "published"}
    dead = imputed = 0
    for worst, whole in zip(found["death_worst_rank"]["rows"], found["imputed"]["rows"], strict=True):
        for arm in ("treated", "control"):
            of = main[key(worst)][arm]
            assert worst[arm]["n_dead"] == of["missing"].get("dead", 0)
            assert worst[arm]["n"] == of["n"] + worst[arm]["n_dead"]
            assert whole[arm]["n"] == of["n"] + whole[arm]["n_imputed"]
            assert whole[arm]["missing"].get("dead", 0) == worst[arm]["n_dead"]
            dead, imputed = dead + worst[arm]["n_dead"], imputed + whole[arm]["n_imputed"]
    assert dead > 0 < imputed


def declared(folder, old, new):
    """What the main analysis of a study is that says so in the first place."""
    text = (folder / "study.toml").read_text()
    changed, n = re.subn(old, new, text)
    assert n
    (folder / "study.toml").write_text(changed)
    cohort.cohort(folder)
    with Store.open(folder / "data") as store:
        return told(comparisons(store, study.load(folder)))


def rows(variant):
    return told(msgspec.convert(variant, results.Variant).rows)


def told(found):
    return [(c.endpoint, c.stratum, c.visit, c.treated, c.control, c.estimate) for c in found]


def test_other_windows_and_stopped_infusions_are_as_if_the_study_said_so(ran, found, tmp_path):
    folder = shutil.copytree(ran[0], tmp_path / "study")
    text = (folder / "study.toml").read_text()
    assert rows(found["stopped_infusions"]) == declared(
        folder, r'statuses = \["completed"\]', 'statuses = ["completed", "stopped"]'
    )
    (folder / "study.toml").write_text(text)
    wide = iter(windows.wider(study.load(folder).file))

    def window(_):
        v = next(wide)
        return f"from = {v.start}\nto = {v.end}\n\n"

    assert rows(found["windows_wider"]) == declared(folder, r"from = [1-9]\d*\nto = \d+\n\n", window)


def test_the_report_shows_it_and_without_the_flag_says_that_it_was_not_run(ran):
    folder, _, before, _ = ran
    after = (folder / "results" / "report.html").read_text()
    assert "Sensitivity analyses were not run" in before
    assert "Sensitivity analyses were not run" not in after
    assert 'id="sensitivity-effects-fev1"' in after
    table = folders.csv_rows(folder / "results" / "tables" / "sensitivity.csv")
    assert len(table) == 70 + 17 * 70


def test_the_terminal_says_what_was_run(ran):
    assert re.search(r"^measured at every visit +\d+ of 70$", ran[3], re.MULTILINE)
    assert "counted in no family" in ran[3]
