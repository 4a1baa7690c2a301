"""The verbs: parse, call one step, print.  Data go to stdout, messages to stderr.

Steps are imported inside their verb, so that `rwe --help` loads neither DuckDB nor scipy.
"""

import atexit
import functools
import os
import random
import re
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
    epilog="Exit codes: 0 whole, 1 a bug, 2 usage, 3 partial, 10 study file, 11 mapping, 12 site, 13 data, "
    "14 refused.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
PARTIAL = 3
DAMAGED = 13

StudyDir = Annotated[Path, typer.Option("--dir", exists=True, file_okay=False, help="Study folder.")]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Validate every resource, on all cores: some 6,000 a second on each.")
]
Sites = Annotated[list[str] | None, typer.Option("--site", help="Only this site; may be given again.")]
Full = Annotated[bool, typer.Option("--full", help="All anew, whatever was fetched before.")]
Removals = Annotated[
    bool, typer.Option("--accept-removals", help="Take what is missing there for deleted, however much.")
]
Everything = Annotated[
    bool, typer.Option("--everything", help="All of every mapped type, not only what the study needs.")
]
Sensitivity = Annotated[
    bool,
    typer.Option(
        "--sensitivity",
        help="The first analysis again with other windows, tests, patients, weights and missing data.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
RecordedType = Literal[
    "Observation", "Condition", "MedicationAdministration", "Medication", "AdverseEvent", "Encounter"
]


_begun: list[Any] = []


def _logged(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb that reads or writes a study's data: the audit log has its line before it acts."""

    @functools.wraps(verb)
    def logged(study_dir: Path, **options: object) -> None:
        if not options.get("dry_run"):  # which asks for nothing and shows no data
            _begin(verb.__name__.rstrip("_"), study_dir, options)
        verb(study_dir=study_dir, **options)

    return logged


def _begin(verb: str, study_dir: Path, options: dict[str, object]) -> None:
    from rwe.steps.audit import begin

    _begun.append(begin(study_dir, verb, options))


def _count(**found: int) -> None:
    """How many of what, for the audit log."""
    for entry in filter(None, _begun):
        entry.counts.update(found)


def ended(code: int) -> None:
    """The audit log's last line of the command, whatever its end."""
    for entry in filter(None, _begun):
        entry.end(code)


def size(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"[0-9]{1,9} ?[KMGT]i?B", text):
        raise typer.BadParameter("write a number and a unit, such as 512MB or 4GB")
    return text


Memory = Annotated[
    str | None, typer.Option(callback=size, metavar="SIZE", help="Most that DuckDB may hold, such as 2GB.")
]


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
    folder: Annotated[Path, typer.Argument(metavar="[DIR]")] = Path("rwe-demo"),
    federated: Annotated[
        bool, typer.Option("--federated", help="As three hospitals that pool signed files, in a new DIR.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the bundled synthetic study from FHIR resources to report; needs no network.

    Example:  rwe demo
    """
    if federated:
        _federated(folder, as_json)
        return
    from rwe.steps.init import demo as step

    step(folder)
    _begin("demo", folder, {"as_json": as_json})
    _run(folder, as_json)


@app.command()
@_logged
def pull(
    study_dir: StudyDir = Path(),
    site: Sites = None,
    full: Full = False,
    everything: Everything = False,
    accept_removals: Removals = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the requests that a pull would make; make none of them.")
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="End the exports that wait at the sites, and fetch nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch what is new from every site into data/raw/."""
    from rwe.steps import show
    from rwe.steps.pull import cancel as cancel_exports
    from rwe.steps.pull import pull as step
    from rwe.steps.wishes import Wishes

    label = _label(study_dir)
    wishes = Wishes(sites=tuple(site or ()), full=full, everything=everything, removals=accept_removals)
    if cancel:
        lines = cancel_exports(study_dir, _world(), wishes)
        _print(label, as_json, {"lines": lines}, lambda: "\n".join(lines))
        return
    if dry_run:
        from rwe.steps.dry import dry_run as plan

        planned = plan(study_dir, _world(), wishes)
        _print(label, as_json, show.planned(planned), lambda: "\n".join(map(str, planned)))
        return
    outcomes = step(study_dir, _world(), wishes)
    _count(**show.counted(outcomes))
    _print(label, as_json, show.pulled(outcomes), lambda: show.pulled_table(outcomes))
    _end(line for o in outcomes for line in o.missing)


@app.command()
@_logged
def doctor(study_dir: StudyDir = Path(), site: Sites = None, as_json: AsJson = False) -> None:
    """Can each site serve this study?  Login, capability, a page of each type, clock; nothing is landed."""
    from rwe.errors import SiteError
    from rwe.steps import show
    from rwe.steps.doctor import doctor as step
    from rwe.steps.doctor import hopeless

    label = _label(study_dir)
    found = step(study_dir, _world(), names=site or ())
    _print(label, as_json, show.findings(found), lambda: show.findings_table(found))
    faults = (f"{f.site}: {f.about}: {f.what}" for f in found if f.verdict == "fault")
    _end(faults, SiteError.exit_code if hopeless(found) else PARTIAL)


@app.command("map")
@_logged
def map_(
    study_dir: StudyDir = Path(),
    strict: StrictOption = False,
    as_json: AsJson = False,
    memory: Memory = None,
) -> None:
    """Turn landed resources into tables, by the ViewDefinitions in mappings/.

    Validates one resource of each shape and all that look odd; --strict, every one.
    """
    from rwe.steps import show
    from rwe.steps.map import map_ as step

    label = _label(study_dir)
    outcome = step(study_dir, say=_say, strict=_strict(strict), memory=memory)
    _count(mapped=sum(c.mapped for c in outcome.counts))
    _print(label, as_json, show.mapped(outcome), lambda: show.mapped_table(outcome))
    _end(outcome.missing)


@app.command()
@_logged
def cohort(study_dir: StudyDir = Path(), as_json: AsJson = False) -> None:
    """Build the treated and the control cohort; show who was left out, and why."""
    from rwe.steps import show
    from rwe.steps.cohort import cohort as step

    label = _label(study_dir)
    outcome = step(study_dir)
    _count(patients=show.remaining(outcome.attrition))
    _print(label, as_json, show.cohort(outcome), lambda: show.cohort_table(outcome))
    _end(outcome.missing)


@app.command()
@_logged
def why(
    patient: Annotated[str, typer.Argument(metavar="PATIENT", help="The id, as `rwe inventory` lists it.")],
    study_dir: StudyDir = Path(),
    site: Annotated[str | None, typer.Option(help="Needed where patients of several have this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show one patient's way: each step, time zero, stratum and value, with the records that made them.

    Local only: all of it is the patient's.  Writes nothing to results/.
    """
    import json
    from dataclasses import asdict

    from rwe import study
    from rwe.steps.show_way import way_text
    from rwe.steps.why import why as step

    plan = study.load(study_dir)
    way = step(plan, patient, site_id=site)
    _count(patients=1)
    if as_json:  # in ASCII, for no text of a record may reach a terminal as it is
        _out(json.dumps({"label": plan.label, **asdict(way)}, indent=2).encode())
    else:
        _print(plan.label, as_json, {}, lambda: way_text(way))


@app.command()
@_logged
def lock(study_dir: StudyDir = Path(), as_json: AsJson = False) -> None:
    """Freeze the plan before outcomes are looked at: hashes of study, code lists, SQL and mappings, and when.

    May be run again: each time adds a line to plan.ndjson, and says what changed since the first.
    """
    from rwe.steps import show
    from rwe.steps.lock import lock as step

    label = _label(study_dir)
    locked = step(study_dir)
    _print(label, as_json, show.locked(locked), lambda: show.locked_text(locked))
    if locked.compared_at:
        typer.echo(f"WARNING: {show.too_late(locked)}", err=True)


@app.command()
@_logged
def compare(study_dir: StudyDir = Path(), sensitivity: Sensitivity = False, as_json: AsJson = False) -> None:
    """Compare the endpoints of the two arms; writes results/results.json.

    A comparison that cannot be made is listed with its reason; that is no failure.
    """
    from rwe.steps.compare import compare as step

    found = step(study_dir, sensitive=sensitivity)
    _print_results(found, as_json)
    _end(found.partial)


@app.command()
@_logged
def report(study_dir: StudyDir = Path()) -> None:
    """Write results/report.html, tables and figures from results.json."""
    from rwe.steps.report import read
    from rwe.steps.report import report as step

    found = read(study_dir)
    if found.label:
        _out(found.label)
    for path in step(study_dir):
        _out(str(path))
    _end(found.partial)


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(metavar="A.json", help="A results.json.")],
    after: Annotated[Path, typer.Argument(metavar="B.json", help="A later one, or of another plan.")],
    as_json: AsJson = False,
) -> None:
    """What moved between two results, at the level of the estimate, and why."""
    from rwe.steps import show_moved
    from rwe.steps.diff import of_files

    first, second, found = of_files(before, after)
    _print(
        second.label, as_json, show_moved.moved(found), lambda: show_moved.moved_text(first, second, found)
    )


@app.command()
@_logged
def export(
    target: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", file_okay=False, help="Write into this folder, not data/export."),
    ] = None,
    study_dir: StudyDir = Path(),
    age_bands: Annotated[
        bool, typer.Option("--age-bands", help="Tens of years in place of the age.")
    ] = False,
    evidence: Annotated[bool, typer.Option(help="The comparisons as FHIR R5 Evidence.")] = True,
    as_json: AsJson = False,
) -> None:
    """Write pseudonymous tables with a codebook for R, SAS or Stata, and the comparisons as FHIR Evidence.

    Without ids, dates, exact ages and free text; it is still of single persons.  Needs `rwe compare`.
    """
    from rwe.steps import show
    from rwe.steps.export import export as step

    label = _label(study_dir)
    found = step(study_dir, target, age_bands=age_bands, with_evidence=evidence)
    _count(**found.rows)
    _print(label, as_json, show.exported(found), lambda: show.exported_text(found))
    _end(found.missing)


@app.command()
@_logged
def run(
    study_dir: StudyDir = Path(),
    strict: StrictOption = False,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Run pull, map, cohort, compare and report, in this order."""
    _run(study_dir, as_json, strict=strict, everything=everything)


@app.command()
@_logged
def refresh(
    study_dir: StudyDir = Path(),
    site: Sites = None,
    full: Full = False,
    everything: Everything = False,
    accept_removals: Removals = False,
    as_json: AsJson = False,
) -> None:
    """Bring a study up to date: fetch what is new, gone or changed at the sites, then run all steps on it.

    Then says what moved since the results before, as `rwe diff` does.
    """
    from rwe.results import encode
    from rwe.steps import show, show_moved
    from rwe.steps.diff import since
    from rwe.steps.run import run as step
    from rwe.steps.wishes import Wishes

    label = _label(study_dir)
    wishes = Wishes(sites=tuple(site or ()), full=full, everything=everything, removals=accept_removals)
    moved_since = since(study_dir)
    outcome = step(study_dir, _world(), wishes=wishes)
    first, found = moved_since(outcome.results)
    if as_json:
        moved = {"moved": show_moved.moved(found) if found else None}
        results = {"results": _raw(encode(outcome.results))}
        _print(label, as_json, {**show.pulled(outcome.pulled), **moved, **results}, str)
    else:
        _print(label, as_json, {}, lambda: show.pulled_table(outcome.pulled) + "\n")
        _print_results(outcome.results, as_json)
        if first and found:
            _out("\nSince the results before:\n")
            _out(show_moved.moved_text(first, outcome.results, found))
    typer.echo(f"\nreport: {outcome.report}", err=True)
    _end(outcome.missing)


@app.command()
@_logged
def codes(
    study_dir: StudyDir = Path(),
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    kind: Annotated[RecordedType | None, typer.Option("--type", help="Only this resource type.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the codes and units that each site really records, for writing code lists; needs `rwe map`.

    Local only: it counts single patients and is not to leave the site.
    """
    from rwe.steps import show
    from rwe.steps.codes import codes as step

    label = _label(study_dir)
    found = step(study_dir, site_id=site, kind=kind)
    _count(codes=len(found))
    _print(label, as_json, show.codes(found), lambda: show.codes_table(found))


@app.command()
@_logged
def inventory(
    study_dir: StudyDir = Path(),
    site: Annotated[str | None, typer.Option(help="Of this site; needed where there are several.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As it is anyway.")] = True,  # noqa: ARG001  taken, and always so
) -> None:
    """Print the ids and versions of what the store holds as JSON, {Type: {id: versionId}}; needs `rwe map`.

    Local only: ids are of patients.  To be held against what the server itself lists.
    """
    import msgspec

    from rwe.steps.inventory import inventory as step

    _label(study_dir)
    found = step(study_dir, site_id=site)
    _count(resources=sum(map(len, found.values())))
    _out(msgspec.json.format(msgspec.json.encode(found), indent=2))


@app.command()
@_logged
def verify(study_dir: StudyDir = Path(), as_json: AsJson = False) -> None:
    """Do ledgers, landed data and store agree?  Reads all of it again; changes nothing.

    Ends with 13 where something is wrong, each with what to do.
    """
    from rwe.steps import show
    from rwe.steps.verify import verify as step

    label = _label(study_dir)
    found = step(study_dir, _progress())
    _print(label, as_json, show.verified(found), lambda: show.verified_table(found))
    wrong = [f"{c.where}: {c.what}: {t}\n     {c.todo}" for c in found for t in c.troubles]
    for line in wrong:
        typer.echo("\n".join(map(_printable, line.split("\n"))), err=True)
    if wrong:
        raise typer.Exit(DAMAGED)


@app.command()
@_logged
def purge(
    study_dir: StudyDir = Path(),
    site: Annotated[str | None, typer.Option(help="All that is held of this site.")] = None,
    patient: Annotated[
        str | None, typer.Option(metavar="SITE/ID", help="ID where there is one site.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of data/ and results/.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a patient, a site or all from what is held, for good, and say what was removed.

    A patient is searched for afterwards in every file; a later pull does not bring it back.
    """
    from rwe.errors import UsageError
    from rwe.steps import purge as steps
    from rwe.steps import show

    if [site is not None, patient is not None, everything].count(True) != 1:
        raise typer.BadParameter("one of --site, --patient and --all is needed")
    label = _label(study_dir)
    who = steps.named(study_dir, patient) if patient is not None else None
    what = f"a patient of {who.site}" if who else f"the site {site}" if site else "data/ and results/"
    asked = sys.stdin.isatty() and not yes
    if asked and not typer.confirm(f"Remove {what}? This cannot be undone", err=True):
        raise UsageError("nothing was removed")
    if who:
        outcome = steps.patient(study_dir, who, say=_say)
    elif site is not None:
        outcome = steps.one_site(study_dir, site, say=_say)
    else:
        outcome = steps.everything(study_dir)
    _count(removed=sum(n for _, n in outcome.removed))
    _print(label, as_json, show.purged(outcome), lambda: show.purged_table(outcome))


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
    memory: Memory = None,
) -> None:
    """Run a SQL-on-FHIR ViewDefinition over files.  Resources of other types are passed over.

    Example:  rwe view observation.json export/Observation.ndjson.gz -o observation.parquet
    """
    from rwe.steps.view import Target
    from rwe.steps.view import view as step

    missing: list[str] = []
    target = Target(out=out, output_format=output_format, memory=memory)
    with _reader_may_leave():
        missing = step(definition, files, target, fhir_version=fhir_version)
    _end(missing)


@app.command()
def sql(name: Annotated[str | None, typer.Argument(help="As listed without it.")] = None) -> None:
    """Print the exact SQL of a mapping, cohort, endpoint or check; without NAME list them."""
    from rwe.steps.sql import names, text

    _out(text(name) if name else "\n".join(names()))


def _run(study_dir: Path, as_json: bool, *, strict: bool = False, everything: bool = False) -> None:
    from rwe.steps.run import run as step
    from rwe.steps.wishes import Wishes

    outcome = step(study_dir, _world(), _strict(strict), Wishes(everything=everything))
    _print_results(outcome.results, as_json)
    typer.echo(f"\nreport: {outcome.report}", err=True)
    _end(outcome.missing)


def _federated(folder: Path, as_json: bool) -> None:
    from datetime import UTC, datetime

    from rwe.federate.beside import text
    from rwe.federate.demo import demo as step

    found = step(folder, _world(), now=datetime.now(UTC))
    content = {"pooled": found.pooled, "beside": found.rows}
    _print(found.pooled.label, as_json, content, lambda: text(found.rows, found.pooled.limits))


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


def _raw(encoded: str | bytes) -> Any:
    import msgspec

    return msgspec.Raw(encoded.encode() if isinstance(encoded, str) else encoded)


def _print_results(results: Any, as_json: bool) -> None:
    from rwe.output.terminal import comparison_text
    from rwe.results import encode

    _count(comparisons=len(results.comparisons))
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
    except OSError as e:
        # What still waits to be written would fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(e, BrokenPipeError):
            raise


def _end(missing: Iterable[str], code: int = PARTIAL) -> None:
    """Exit 3 where something is missing, each named; another code where nothing is there."""
    lines = list(dict.fromkeys(missing))
    for line in lines:
        typer.echo(_printable(f"{'partial' if code == PARTIAL else 'rwe'}: {line}"), err=True)
    if lines:
        raise typer.Exit(code)


def _say(text: str) -> None:
    """Progress is for someone who watches."""
    if sys.stderr.isatty():
        _screen().say(_printable(text))


@functools.cache
def _screen() -> Any:
    from rwe.steps.progress import Screen

    screen = Screen()
    atexit.register(screen.close)
    return screen


def _strict(wanted: bool) -> Any:
    from rwe.steps.validation import Strict, cores

    return Strict(workers=cores(), bar=_bar) if wanted else None


@contextmanager
def _bar(label: str, length: int) -> Iterator[Callable[[int], object]]:
    if sys.stderr.isatty():
        with typer.progressbar(length=length, label=label, file=sys.stderr) as bar:
            yield bar.update
    else:
        yield lambda _: None


def _world() -> Any:
    from rwe.fhir.request import Clock
    from rwe.steps.world import World

    clock = Clock(monotonic=time.monotonic, sleep=time.sleep, jitter=random.random)
    return World(environment=os.environ, clock=clock, say=_say, progress=_progress())


def _progress() -> Any:
    from rwe.steps.progress import silent

    return _screen().bar if sys.stderr.isatty() else silent
