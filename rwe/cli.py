"""The verbs: parse, call one step, print.  Data go to stdout, messages to stderr.

Steps are imported inside their verb, so that `rwe --help` loads neither DuckDB nor scipy.
"""

import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

import rwe

app = typer.Typer(
    name="rwe",
    help="From FHIR servers to a table of results.",
    epilog="Exit codes: 0 whole, 1 a bug, 2 usage, 3 partial, 10 study file, 11 mapping, 12 site, 13 data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
PARTIAL = 3

StudyDir = Annotated[Path, typer.Option("--dir", exists=True, file_okay=False, help="Study folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rwe {rwe.__version__}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Begin with `rwe demo`, or with `rwe init DIR` for a study of your own."""


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New study folder.")],
    example: Annotated[Literal["msc"] | None, typer.Option(help="Copy this example with its data.")] = None,
) -> None:
    """Write a commented study folder to start from."""
    from rwe.steps.init import init as step

    step(folder, with_data=example is not None)
    typer.echo(f"{folder}: edit study.toml, sites.toml and codes/, then `rwe check --dir {folder}`", err=True)


@app.command()
def check(study_dir: StudyDir = Path()) -> None:
    """Is the study folder sound?  Reads all of it and runs it once on made-up patients; needs no data."""
    from rwe.steps.check import check as step

    _out("\n".join(step(study_dir)))


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]")] = Path("rwe-demo"), as_json: AsJson = False
) -> None:
    """Run the bundled synthetic study from FHIR resources to report; needs no network.

    Example:  rwe demo
    """
    from rwe.steps.init import demo as step

    step(folder)
    _run(folder, as_json)


@app.command()
def pull(
    study_dir: StudyDir = Path(),
    site: Annotated[list[str] | None, typer.Option(help="Only this site; may be given again.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch every site's resources into data/raw/."""
    from rwe.steps import show
    from rwe.steps.pull import pull as step

    label = _label(study_dir)
    outcomes = step(study_dir, _world(), names=site or ())
    _print(label, as_json, show.pulled(outcomes), lambda: show.pulled_table(outcomes))
    _end(line for o in outcomes for line in o.missing)


@app.command("map")
def map_(study_dir: StudyDir = Path(), as_json: AsJson = False) -> None:
    """Turn landed resources into tables, by the ViewDefinitions in mappings/."""
    from rwe.steps import show
    from rwe.steps.map import map_ as step

    label = _label(study_dir)
    outcome = step(study_dir, say=_say)
    _print(label, as_json, show.mapped(outcome), lambda: show.mapped_table(outcome))
    _end(outcome.missing)


@app.command()
def cohort(study_dir: StudyDir = Path(), as_json: AsJson = False) -> None:
    """Build the treated and the control cohort; show who was left out, and why."""
    from rwe.steps import show
    from rwe.steps.cohort import cohort as step

    label = _label(study_dir)
    outcome = step(study_dir)
    _print(label, as_json, show.cohort(outcome), lambda: show.cohort_table(outcome))


@app.command()
def compare(study_dir: StudyDir = Path(), as_json: AsJson = False) -> None:
    """Compare the endpoints of the two arms; writes results/results.json.

    A comparison that cannot be made is listed with its reason; that is no failure.
    """
    from rwe.steps.compare import compare as step

    _print_results(step(study_dir), as_json)


@app.command()
def report(study_dir: StudyDir = Path()) -> None:
    """Write results/report.html, tables and figures from results.json."""
    from rwe.steps.report import read
    from rwe.steps.report import report as step

    if label := read(study_dir).label:
        _out(label)
    for path in step(study_dir):
        _out(str(path))


@app.command()
def run(study_dir: StudyDir = Path(), as_json: AsJson = False) -> None:
    """Run pull, map, cohort, compare and report, in this order."""
    _run(study_dir, as_json)


@app.command()
def view(
    definition: Annotated[Path, typer.Argument(metavar="VIEW", exists=True, dir_okay=False)],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", allow_dash=True, help="NDJSON or Bundles; - is stdin.")
    ],
    output_format: Annotated[
        Literal["ndjson", "csv", "parquet"] | None,
        typer.Option("--format", help="Else by the suffix of OUT."),
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", help="Write to this file, not to stdout.")] = None,
    fhir_version: Annotated[Literal["4.0.1", "4.3.0", "5.0.0"], typer.Option()] = "4.0.1",
) -> None:
    """Run a SQL-on-FHIR ViewDefinition over files.  Resources of other types are passed over.

    Example:  rwe view observation.json export/Observation.ndjson.gz -o observation.parquet
    """
    from rwe.steps.view import view as step

    missing: list[str] = []
    with _reader_may_leave():
        missing = step(definition, files, fhir_version=fhir_version, output_format=output_format, out=out)
    _end(missing)


@app.command()
def sql(name: Annotated[str | None, typer.Argument(help="As listed without it.")] = None) -> None:
    """Print the exact SQL of a mapping, cohort, endpoint or check; without NAME list them."""
    from rwe.steps.sql import names, text

    _out(text(name) if name else "\n".join(names()))


def _run(study_dir: Path, as_json: bool) -> None:
    from rwe.steps.run import run as step

    outcome = step(study_dir, _world())
    _print_results(outcome.results, as_json)
    typer.echo(f"\nreport: {outcome.report}", err=True)
    _end(outcome.missing)


def _label(study_dir: Path) -> str:
    """The study's label, which is printed first on every output; a broken study file ends here."""
    from rwe import study

    return study.load(study_dir).label


def _print(label: str, as_json: bool, content: dict[str, Any], table: Callable[[], str]) -> None:
    if as_json:
        import msgspec

        _out(msgspec.json.format(msgspec.json.encode({"label": label, **content}), indent=2))
    else:
        _out(f"{label}\n\n{table()}" if label else table())


def _print_results(results: Any, as_json: bool) -> None:
    from rwe.output.terminal import comparison_text
    from rwe.results import encode

    _out((encode(results) if as_json else comparison_text(results)).rstrip())


def _out(content: str | bytes) -> None:
    """A table without what could forge a terminal; JSON as its bytes, whatever the terminal's encoding."""
    with _reader_may_leave():
        typer.echo(_printable(content) if isinstance(content, str) else content)


def _printable(text: str) -> str:
    from rwe.output.words import plain

    return "\n".join(plain(line) for line in text.split("\n"))


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    """`rwe … | head` goes on without a reader: what is done counts, not who looked at it."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(missing: Iterable[str]) -> None:
    """Exit 3 where something is missing, each named."""
    lines = list(dict.fromkeys(missing))
    for line in lines:
        typer.echo(_printable(f"partial: {line}"), err=True)
    if lines:
        raise typer.Exit(PARTIAL)


def _say(text: str) -> None:
    """Progress is for someone who watches."""
    if sys.stderr.isatty():
        typer.echo(text, err=True)


def _world() -> Any:
    from rwe.fhir.client import Clock
    from rwe.steps.pull import World

    clock = Clock(monotonic=time.monotonic, sleep=time.sleep, jitter=random.random)
    return World(environment=os.environ, clock=clock, say=_say)
