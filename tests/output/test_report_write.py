import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import results_sample as sample
from msgspec.structs import replace

from rwe import output
from rwe.errors import UsageError

HERE = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def few():
    """A figure of each kind."""
    results = sample.build()
    return replace(results, comparisons=results.comparisons[:5])


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_folders_and_modes(tmp_path):
    folder = tmp_path / "results"
    written = output.write(few(), folder)
    assert sorted(content(folder)) == sorted(path.relative_to(folder) for path in written)
    assert len(written) == 1 + (2 * 10 + 1) + 2 * 6
    assert {mode(path) for path in written} == {0o600}
    assert {mode(place) for place in (folder, folder / "tables", folder / "figures")} == {0o700}


def test_same_results_same_bytes_in_another_process(tmp_path):
    output.write(few(), tmp_path / "a")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_report_write as here, pathlib;"
        "here.output.write(here.few(), pathlib.Path(sys.argv[2]))"
    )
    arguments = [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path / "b")]
    subprocess.run(arguments, check=True, env={**HERE, "PYTHONHASHSEED": "7"})
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_stale_figures_and_tables_go_and_foreign_files_stay(tmp_path):
    output.write(few(), tmp_path)
    (tmp_path / "figures" / "notes.txt").write_text("mine")
    (tmp_path / "results.json").write_text("{}")
    written = output.write(sample.empty(), tmp_path)
    assert set(content(tmp_path)) == {
        *(path.relative_to(tmp_path) for path in written), Path("figures/notes.txt"), Path("results.json")
    }  # fmt: skip
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["notes.txt"]


def test_a_folder_that_cannot_be_written_is_the_users_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        output.write(sample.empty(), tmp_path / "file")


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    output.write(sample.empty(), tmp_path)
    before = content(tmp_path)

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(UsageError, match="No space left"):
        output.write(few(), tmp_path)
    assert content(tmp_path) == before


def test_text_alone_loads_neither_polars_nor_jinja_nor_resvg():
    code = (
        "import sys, rwe.output.terminal; print({'polars', 'jinja2', 'rich', 'resvg_py'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=HERE)
    assert done.stdout.strip() == "set()"
