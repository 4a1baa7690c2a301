"""What ships with the package: schemas, mappings, SQL, exit codes, reasons."""

import json
import runpy
import tomllib
from pathlib import Path

import msgspec
import pytest

from rwe import data, errors, schemas
from rwe.reasons import REASONS


@pytest.mark.parametrize("name", schemas.texts())
def test_schemas_are_those_of_the_classes(name):
    path = schemas.FOLDER / name
    assert path.read_text(encoding="utf-8") == schemas.texts()[name], f"not current; run: {schemas.COMMAND}"


def test_one_command_writes_them(tmp_path, monkeypatch):
    monkeypatch.setattr(schemas, "FOLDER", tmp_path)
    runpy.run_module(schemas.COMMAND.removeprefix("python -m "), run_name="__main__")
    assert {p.name: p.read_text(encoding="utf-8") for p in tmp_path.iterdir()} == schemas.texts()


def test_the_study_schema_names_keys_as_the_file_writes_them():
    schema = json.loads(schemas.texts()["study.schema.json"])
    example = tomllib.loads((data.demo_study() / "study.toml").read_text(encoding="utf-8"))
    assert set(example) <= set(schema["properties"])
    assert set(example["visit"][0]) <= set(schema["$defs"]["Visit"]["properties"])
    assert not schema["additionalProperties"]


def test_mappings_and_sql_are_found_in_a_checkout():
    for version in ("4.0.1", "4.3.0", "5.0.0"):
        assert "patient.json" in {p.name for p in data.mapping_files(version)}
    for step in ("map", "cohort", "endpoint", "visit", "check"):
        files = data.sql_files(step)
        assert files == sorted(files) != []


def test_an_installed_package_reads_its_own_copies(tmp_path, monkeypatch):
    (tmp_path / "_shipped").mkdir()
    monkeypatch.setattr(data, "PACKAGE", tmp_path)
    data.root.cache_clear()
    found = data.root()
    data.root.cache_clear()
    assert found == tmp_path / "_shipped"


def test_a_hash_is_over_names_and_contents_in_order(tmp_path):
    def digest(*files: tuple[str, bytes]) -> str:
        for name, content in files:
            (tmp_path / name).write_bytes(content)
        return data.sha256(tmp_path / name for name, _ in files)

    hashes = [
        digest(("a", b"1"), ("b", b"2")),
        digest(("b", b"2"), ("a", b"1")),
        digest(("a", b"2"), ("b", b"1")),
        digest(("a", b"12"), ("b", b"")),
        digest(("a", b"1")),
    ]
    assert len(set(hashes)) == len(hashes)
    assert data.sql_sha256() != data.mappings_sha256()


def test_exit_codes_are_those_of_the_contract():
    tree = {c.__name__: c.exit_code for c in [errors.RweError, *errors.RweError.__subclasses__()]}
    assert tree == {
        "RweError": 1,
        "UsageError": 2,
        "StudyError": 10,
        "MappingError": 11,
        "SiteError": 12,
        "DataError": 13,
        "RefusedError": 14,
    }


def test_an_error_is_a_line_and_a_hint():
    e = errors.SiteError("north: no connection", hint="is it up?")
    assert (str(e), e.hint, errors.SiteError("x").hint) == ("north: no connection", "is it up?", "")


def test_every_reason_says_what_it_is_and_what_to_do():
    for code, (what, todo) in REASONS.items():
        assert code == code.lower()
        assert what
        assert todo


def test_the_results_schema_is_what_msgspec_checks():
    from rwe.results import Results

    schema = json.loads((Path(schemas.__file__).parent / "results.schema.json").read_text(encoding="utf-8"))
    assert set(schema["$defs"]["Results"]["required"]) == {f.name for f in msgspec.structs.fields(Results)}
