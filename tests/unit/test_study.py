"""study.toml and its code lists: whatever is wrong names the file, the key and what would be right."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from rwe import data, study
from rwe.codes import Code, read_code_list
from rwe.errors import StudyError

MSC = (data.demo_study() / "study.toml").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(data.demo_study() / "codes", tmp_path / "codes")
    (tmp_path / "study.toml").write_text(MSC, encoding="utf-8")
    return tmp_path


def failure(folder: Path, text: str | None = None) -> str:
    """The message and the hint, after the file's name."""
    if text is not None:
        (folder / "study.toml").write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as e:
        study.load(folder)
    assert e.value.exit_code == 10
    message = str(e.value)
    assert message.startswith(str(folder))
    return f"{message.removeprefix(f'{folder}/')} | {e.value.hint}"


def test_the_example_is_sound(folder):
    found = study.load(folder)
    assert found.label.startswith("synthetic")
    assert set(found.code_lists) == {p.stem for p in (folder / "codes").iterdir()}
    assert found.sha256 == study.load(folder).sha256


@pytest.mark.parametrize("name", ["study.toml", "codes/fev1.csv"])
def test_the_hash_is_over_the_study_and_the_lists_it_names(folder, name):
    before = study.load(folder).sha256
    (folder / "codes" / "unused.csv").write_text("x")
    assert study.load(folder).sha256 == before
    with (folder / name).open("a") as file:
        file.write("\n")
    assert study.load(folder).sha256 != before


def test_a_list_is_read_once_in_the_order_of_the_file(folder):
    names = study.load(folder).file.named_lists()
    assert names[:3] == ["covid19", "uc-msc", "control-enrolment"]
    assert len(names) == len(set(names))


COMMENTED = """# [control.risk_set]
# within_days = 1
# calendar_days = 30
# ratio = 1
# replacement = false
# seed"""
CASES = {
    # what is replaced, by what, what is said
    "unknown key": (
        "min_age = 18",
        "min_agee = 18",
        "eligibility.min_agee: unknown key | did you mean min_age?",
    ),
    "no such key": ("min_age = 18", "xyz = 18", "eligibility.xyz: unknown key | keys here: min_age, max_age"),
    "in a list of tables": (
        "target = 28",
        "tarjet = 28",
        "visit[1].tarjet: unknown key | did you mean target?",
    ),
    "below a table": (
        "tolerance = 0.25",
        "tol = 1",
        "exposure.dose.tol: unknown key | keys here: value, unit",
    ),
    "unknown table": ("[baseline]", "[base_line]", "base_line: unknown key | did you mean baseline?"),
    "python's name": ("from = 21", "start = 21", "visit[1].start: unknown key | did you mean"),
    "missing": ('id = "uc-msc-covid19"', "", "study.id: this key is needed"),
    "missing table": ("[control]", "[controll]", "controll: unknown key | did you mean control?"),
    "wrong type": ("min_age = 18", 'min_age = "18"', "eligibility.min_age: input should be a valid integer"),
    "truth": (
        "alive_at_time_zero = true",
        "alive_at_time_zero = 1",
        "alive_at_time_zero: input should be a valid bool",
    ),
    "not a number": ("factor = 1", "factor = nan", "unit[1].factor: input should be a finite number"),
    "infinite": ("factor = 1", "factor = inf", "unit[1].factor: input should be a finite number"),
    "too small": ("factor = 1", "factor = 0", "unit[1].factor: input should be greater than 0"),
    "not one of": ('days = "instant"', 'days = "utc"', "study.days: input should be 'instant' or 'date'"),
    "a date that is none": ("2021-06-30", '"2021-06-31"', "eligibility.time_zero_to: "),
    "a name with a path": (
        'codes = "fev1"',
        'codes = "../fev1"',
        "endpoint[1].codes: string should match pattern",
    ),
    "a flag or a visit": (
        'unit = "L"',
        'unit = "L"\nprimary = 5',
        "endpoint[1].primary: input should be true, false or a name",
    ),
    "no such visit": (
        'unit = "L"',
        'unit = "L"\nprimary = "d29"',
        "endpoint FEV1: primary visit d29 is not a [[visit]]",
    ),
    "no SQL": (
        'kind = "quantity"',
        'kind = "rate"',
        "endpoint FEV1: kind = 'rate' has no sql/endpoint/rate.sql | kinds:",
    ),
    "overlap": ("to = 35", "to = 70", "visit windows overlap: d28 ends at day 70, d90 begins at 69"),
    "window upside down": ("from = 21", "from = 40", "visit[1]: `from` must not be after `to`"),
    "target outside": (
        "target = 28",
        "target = 35",
        "visit[1]: visit d28: the target must lie in [from, to)",
    ),
    "visit named all": ('name = "d28"', 'name = "all"', "visit[1]: visit all: this name is taken"),
    "visit twice": ('name = "d90"', 'name = "d28"', "[[visit]] d28 stands twice"),
    "endpoint twice": ('id = "VCmax"', 'id = "FEV1"', "[[endpoint]] FEV1 stands twice"),
    "exclusion twice": (
        'name = "malignancy"',
        'name = "prior-cell-therapy"',
        "[[exclusion]] prior-cell-therapy",
    ),
    "stratum twice": ('name = "severe"', 'name = "moderate"', "[[stratum]] moderate stands twice"),
    "stratum named all": ('name = "severe"', 'name = "all"', 'a stratum cannot be called "all"'),
    "strata alone": (
        '[stratification]\ncarriers = ["covid19", "covid19-severity"]',
        "",
        "stand together or not",
    ),
    "ages": ("# max_age = 80", "max_age = 8", "eligibility: `min_age` must not be above `max_age`"),
    "calendar": (
        "2021-06-30",
        "2019-06-30",
        "eligibility: `time_zero_from` must not be after `time_zero_to`",
    ),
    "enrolment": (
        'codes = "control-enrolment"',
        "",
        'control: `in` and `codes` stand with time_zero = "enrolment"',
    ),
    "anchor": (
        'time_zero = "enrolment"',
        'time_zero = "anchor"',
        "control: `in` and `codes` stand with time_zero",
    ),
    "risk set not declared": (
        'time_zero = "enrolment"\nin = "encounter"\ncodes = "control-enrolment"',
        'time_zero = "risk-set"',
        'control: [control.risk_set] stands with time_zero = "risk-set"',
    ),
    "risk set with another rule": (
        COMMENTED,
        COMMENTED.replace("# ", ""),
        'control: [control.risk_set] stands with time_zero = "risk-set"',
    ),
    "numeric": (
        'codes = "covid19"',
        'codes = "covid19"\nnumeric = true',
        'population: `numeric` goes with in = "obs',
    ),
    "late baseline": (
        "to = 0\nsame_day",
        "to = 1\nsame_day",
        "baseline: a baseline must not reach beyond day 0",
    ),
    "plausible": (
        "plausible = [0.2, 8]",
        "plausible = [8, 0.2]",
        "endpoint[1]: `plausible` is [lowest, highest]",
    ),
    "plausible of one": ("plausible = [0.2, 8]", "plausible = [8]", "endpoint[1].plausible"),
    "no status": ('statuses = ["completed"]', "statuses = []", "exposure.statuses: "),
    "odd status": (
        'statuses = ["completed"]',
        'statuses = ["done"]',
        "exposure.statuses[1]: input should be 'completed'",
    ),
    "not TOML": ("[study]", "[study", "not valid TOML: "),
    "twice in TOML": ("[study]", "[study]\nid = 'x'", "not valid TOML: "),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said_in_the_words_of_the_file(folder, case):
    old, new, said = CASES[case]
    assert old in MSC
    found = failure(folder, MSC.replace(old, new, 1))
    assert found.startswith("study.toml: ")
    assert said in found


def test_units_may_not_stand_twice(folder):
    assert "[[unit]] m/(6.min) to m stands twice" in failure(
        folder, MSC + '\n[[unit]]\nfrom = "m/(6.min)"\nto = "m"\nfactor = 2\n'
    )


def test_a_site_has_one_default_unit_for_an_endpoint_that_is_there(folder):
    default = '\n[[default_unit]]\nsite = "north"\nendpoint = "{}"\nunit = "L"\n'
    twice = default.format("FEV1") * 2
    assert "[[default_unit]] FEV1 of north stands twice" in failure(folder, MSC + twice)
    assert "[[default_unit]] of north: FEV2 is not an" in failure(folder, MSC + default.format("FEV2"))


def test_a_ratio_is_told_from_percents_only(folder):
    text = MSC.replace('unit = "L"', 'unit = "L"\nratio_up_to = 1.5', 1)
    assert '`ratio_up_to` goes with unit = "%"' in failure(folder, text)


WRONG = {
    "a baseline in a visit": (
        "from = 21\nto = 35",
        "from = -1\nto = 35",
        "the baseline and visit d28 overlap",
    ),
    "a last day below zero": ("until_day = 360", "until_day = -1", "adverse_events.until_day"),
    "an endless look-back": (
        "lookback_days = 365",
        "lookback_days = 3000000000",
        "exclusion[2].lookback_days",
    ),
    "a name of Table 1": ('id = "lesion"', 'id = "age"', "endpoint age: Table 1 has a variable of this name"),
    "no infusion planned": ("infusions = 3", "infusions = 0", "exposure.infusions"),
    "more days than infusions": ("days = [0, 3, 6]", "days = [0, 3]", "exposure: `days` has one for each"),
    "days that do not begin with the first": ("days = [0, 3, 6]", "days = [1, 3, 6]", "`days` rise from 0"),
    "days out of order": ("days = [0, 3, 6]", "days = [0, 6, 3]", "`days` rise from 0"),
    "an empty unit": ('unit = "m"', 'unit = ""', "endpoint[5].unit"),
    "a factor of ten decimals": ("factor = 1", "factor = 2.5e-9", "factor = 2.5e-09: below 1e9"),
    "a factor beyond the type": ("factor = 1", "factor = 1e9", "at most 9 decimals"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_would_give_a_wrong_number_is_refused(folder, case):
    old, new, said = WRONG[case]
    assert old in MSC
    assert said in failure(folder, MSC.replace(old, new, 1))


def test_a_unit_is_not_converted_to_itself(folder):
    assert "mL: `from` and `to` are the same unit" in failure(
        folder, MSC + '\n[[unit]]\nfrom = "mL"\nto = "mL"\nfactor = 1\n'
    )


def test_analyses_may_not_stand_twice(folder):
    more = '\n[[analysis]]\nname = "published"\ntest = "x"\n'
    assert "[[analysis]] published stands twice" in failure(folder, MSC + more)


@pytest.mark.parametrize("key", ["visit", "endpoint", "analysis"])
def test_a_study_has_visits_endpoints_and_analyses(folder, key):
    tables = re.sub(rf"\[\[{key}\]\]\n([a-z_]+ = .*\n)+", "", MSC)
    assert tomllib.loads(tables).get(key) is None
    assert failure(folder, tables).startswith(f"study.toml: {key}: this key is needed")


def test_optional_tables_may_be_left_out(folder):
    plain = re.sub(r"\[\[stratum\]\]\n([a-z_]+ = .*\n)+", "", MSC)
    plain = re.sub(r"\[(stratification|baseline|adverse_events)\]\n([a-z_]+ = .*\n)+", "", plain)
    (folder / "study.toml").write_text(plain, encoding="utf-8")
    file = study.load(folder).file
    assert (file.stratification, file.stratum, file.baseline, file.adverse_events) == (None, (), None, None)


def test_a_primary_visit_or_flag_is_taken(folder):
    for primary in ("true", '"d90"'):
        (folder / "study.toml").write_text(MSC.replace('unit = "L"', f'unit = "L"\nprimary = {primary}', 1))
        assert study.load(folder).file.endpoint[0].primary in (True, "d90")


def test_a_window_takes_no_name_of_ours(folder):
    assert "unknown key" in failure(folder, MSC.replace("from = 21", "from = 21\nstart = 1"))


def test_a_byte_order_mark_is_harmless(folder):
    (folder / "study.toml").write_text(MSC, encoding="utf-8-sig")
    assert study.load(folder)


def test_no_study_file_says_how_to_get_one(tmp_path):
    assert (
        failure(tmp_path)
        == "study.toml: there is no such file | `rwe init DIR` writes a study folder to start from"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[study]\ntitle = '\xe9'\n", "study.toml: not UTF-8 at byte 18 | save the file as UTF-8"),
        (b"x = " + b"1" * 5000, "study.toml: cannot be read as TOML (ValueError)"),
        (b"x = " + b"[" * 5000, "study.toml: cannot be read as TOML (RecursionError)"),
        (b"", "study.toml: study: this key is needed"),
    ],
)
def test_a_file_that_cannot_be_read_as_toml(tmp_path, content, said):
    (tmp_path / "study.toml").write_bytes(content)
    assert failure(tmp_path).startswith(said)


def test_a_folder_in_place_of_the_file(tmp_path):
    (tmp_path / "study.toml").mkdir()
    assert failure(tmp_path).startswith("study.toml: cannot be read (Is a directory)")


def test_a_list_that_is_not_there_is_named(folder):
    (folder / "codes" / "fev1.csv").unlink()
    said = "codes/fev1.csv: this code list is named in study.toml but is not there | write it with the header"
    assert failure(folder).startswith(said)


HEADER = b"system,code,display\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ":1: the header must be system,code,display"),
        (b"code,system,display\nx,y,z\n", ":1: the header must be"),
        (HEADER, ": the list holds no code, so it would match nobody"),
        (HEADER + b"\n\n", ": the list holds no code"),
        (HEADER + b"http://loinc.org,1-8\n", ":2: 2 columns where system,code,display asks for three"),
        (HEADER + b"http://loinc.org,1-8,x,y\n", ":2: 4 columns"),
        (HEADER + b"http://loinc.org,1-8,x\n,1-8,x\n", ":3: system and code must both be given"),
        (HEADER + b"http://loinc.org, ,x\n", ":2: system and code must both be given"),
        (HEADER + b"s,1,x\ns,2,y\ns,1,z\n", ":4: this code stands twice: its records would count twice"),
        (HEADER + b"s,1,\xe9\n", ": cannot be read as CSV in UTF-8 (UnicodeDecodeError)"),
        (HEADER + b's,1,"x\n', ": cannot be read as CSV in UTF-8 (Error)"),
        (HEADER + b"s,1," + b"x" * 200_000, ": cannot be read as CSV in UTF-8 (Error)"),
    ],
)
def test_a_bad_code_list_names_its_line(folder, content, said):
    (folder / "codes" / "fev1.csv").write_bytes(content)
    assert failure(folder).startswith(f"codes/fev1.csv{said}")


def test_a_code_list_is_read_as_people_write_it(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(
        b'\xef\xbb\xbfsystem,code,display\r\n http://loinc.org , 1-8 ,"a, b"\r\n\r\nhttp://loinc.org,2,\r\n'
    )
    assert read_code_list(path) == (
        Code(system="http://loinc.org", code="1-8", display="a, b"),
        Code(system="http://loinc.org", code="2", display=""),
    )


COVARIATE = """
[[covariate]]
name = "{}"
label = "a cancer"
in = ["condition"]
codes = "malignancy"
"""


def test_a_covariate_is_a_term_by_its_name_and_its_list_is_read(folder):
    text = MSC.replace('codes = "malignancy"', 'codes = "prior-cell-therapy"')
    score = '\n[propensity]\nterms = ["age", "cancer"]\n'
    (folder / "study.toml").write_text(text + COVARIATE.format("cancer") + score)
    found = study.load(folder)
    assert found.file.propensity.terms == ("age", "cancer")
    assert "malignancy" in found.code_lists


@pytest.mark.parametrize("name", ["age", "sex", "severity", "FEV1"])
def test_a_covariate_takes_no_name_of_another_variable(folder, name):
    said = f"[[covariate]] {name}: Table 1 has a variable of this name already"
    assert said in failure(folder, MSC + COVARIATE.format(name))


def test_covariates_may_not_stand_twice(folder):
    assert "[[covariate]] cancer stands twice" in failure(folder, MSC + COVARIATE.format("cancer") * 2)


SCORES = {
    "seven terms": (
        'terms = ["age", "sex", "site", "FEV1", "VCmax", "il6", "lesion"]',
        "propensity.terms: 7 terms; more than 6",
    ),
    "no term": ("terms = []", "propensity.terms: "),
    "a term twice": ('terms = ["age", "age"]', "propensity.terms: age stands twice"),
    "no such term": (
        'terms = ["FEV2"]',
        "propensity.terms: FEV2 is neither an [[endpoint]] nor a [[covariate]] nor one of age, sex",
    ),
    "the stratum": ('terms = ["severity"]', "propensity: severity is the stratum"),
    "an estimand that is none": (
        'terms = ["age"]\nestimand = "ate"',
        "propensity.estimand: input should be 'overlap'",
    ),
    "a caliper of weights": ('terms = ["age"]\ncaliper = 0.1', "propensity: `caliper` and `seed` go with"),
    "the name of another analysis": (
        'terms = ["age"]\nname = "published"',
        "propensity.name: an [[analysis]] is called published already",
    ),
    "no caliper": ('terms = ["age"]\nestimand = "match"\ncaliper = 0', "propensity.caliper: "),
}


@pytest.mark.parametrize("case", SCORES)
def test_a_propensity_score_is_of_few_terms_known_at_time_zero(folder, case):
    keys, said = SCORES[case]
    assert said in failure(folder, f"{MSC}\n[propensity]\n{keys}\n")


def test_a_term_needs_the_table_that_defines_it(folder):
    score = '\n[propensity]\nstrata = "together"\nterms = ["{}"]\n'
    bare = re.sub(r"\[baseline\]\n([a-z_]+ = .*\n)+", "", MSC)
    assert "propensity.terms: FEV1 needs a [baseline]" in failure(folder, bare + score.format("FEV1"))
    bare = re.sub(r"\[\[stratum\]\]\n([a-z_]+ = .*\n)+", "", MSC)
    bare = re.sub(r"\[stratification\]\n([a-z_]+ = .*\n)+", "", bare)
    assert "severity needs a [stratification]" in failure(folder, bare + score.format("severity"))


def test_a_score_by_itself_means_overlap_weights_in_each_stratum(folder):
    (folder / "study.toml").write_text(MSC + '\n[propensity]\nterms = ["age", "FEV1"]\n')
    found = study.load(folder).file.propensity
    assert (found.name, found.estimand, found.strata) == ("adjusted", "overlap", "each")
    assert found.terms == ("age", "FEV1")
