"""Print the table: `python -m tests.bench [NAME …]`."""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench.cpu import Spent, interleaved, python, rwe
from tests.bench.mapping import map_, view


def help_() -> None:
    spent = interleaved({"import typer": python("import typer"), "rwe --help": rwe("--help")}, rounds=11)
    show("rwe --help", spent, over="import typer", goal="at most 2 x")


def demo() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "demo"
        commands = {
            "import duckdb, polars, scipy": python("import duckdb, polars, scipy"),
            "import duckdb, polars, scipy.stats": python("import duckdb, polars, scipy.stats"),
            "rwe demo": rwe("demo", folder),
        }
        spent = interleaved(commands, between=lambda: shutil.rmtree(folder, ignore_errors=True))
    show("rwe demo", spent, over="import duckdb, polars, scipy", goal="at most 3 s above")


def show(title: str, spent: dict[str, Spent], *, over: str, goal: str = "") -> None:
    print(f"\n{title}" + (f" (goal: {goal})" if goal else ""))
    for name, s in spent.items():
        print(f"  {name:36s} {s}   {s.cpu / spent[over].cpu:5.2f} x   {s.cpu - spent[over].cpu:+.2f} s")


BENCHES: dict[str, Callable[[], None]] = {"help": help_, "demo": demo, "view": view, "map": map_}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or BENCHES:
        BENCHES[chosen]()
