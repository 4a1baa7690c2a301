"""`rwe federate …`: the verbs of federated requests, by signed files, which an engine may carry."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from rwe.cli import AsJson, Sites, StudyDir, _begin, _count, _end, _label, _out, _print, app, ended

__all__ = ["app", "ended"]
federate = typer.Typer(
    name="federate",
    help="One question, many hospitals: signed files go out and come back, patient rows never leave.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(federate)

RequestFile = Annotated[Path, typer.Argument(metavar="REQUEST", dir_okay=False, help="The signed request.")]


@federate.command()
def keygen(
    role: Annotated[Literal["coordinator", "site", "steward"], typer.Argument(help="Whose key.")],
    study_dir: StudyDir = Path(),
) -> None:
    """Make a key in federate/ROLE.key, which stays, and print its public half, which all others pin.

    Put the printed line into federate/members.toml of all who take part, and compare the fingerprint by
    telephone.
    """
    from rwe.federate.members import keygen as step

    path, public = step(study_dir, role)
    typer.echo(f"{path}: keep this file; fingerprint {public.fingerprint}", err=True)
    _out(public.text)


@federate.command()
def request(
    study_dir: StudyDir = Path(),
    ask: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:VARIABLE[:VISIT][@CENTRE]", help="A statistic; may be given again."),
    ] = None,
    site: Sites = None,
    agreement: Annotated[
        str, typer.Option(help="Under which cells of 1 to 4 may go to the coordinator; without it none do.")
    ] = "",
    days: Annotated[int, typer.Option(min=1, max=90, help="Until it expires.")] = 14,
    min_arm: Annotated[int, typer.Option(min=5, max=1000, help="Smallest arm that is wanted.")] = 5,
    secure_sum: Annotated[
        int,
        typer.Option(
            min=0,
            max=5000,
            metavar="PATIENTS",
            help="Sums under masks, of strata of at most so many patients.",
        ),
    ] = 0,
) -> None:
    """Make one signed file that asks all sites, or those named, for statistics of this study.

    Statistics: count:cohort, van_elteren:ENDPOINT:VISIT, difference_of_means:ENDPOINT:VISIT, mean:VARIABLE,
    share:COVARIATE and, of any_event or serious_event, two_by_two, odds_ratio, risk_difference, risk_ratio,
    exact and rate_ratio.  Without --ask: all that Table 1, the endpoints and the events need.

    Under --secure-sum, over 3 sites or more: mann_whitney:ENDPOINT:VISIT (also mann_whitney_exact,
    mann_whitney_asymptotic and mann_whitney_asymptotic_no_continuity), with the Hodges–Lehmann shift and
    quartiles; quartiles:VARIABLE or a COVARIATE; log_rank:any_event or serious_event, with Kaplan–Meier.

    By secure sums in rounds, over 3 sites or more: ancova:ENDPOINT:VISIT with an intercept for each site;
    weighted_difference:ENDPOINT:VISIT by the study's propensity score; hazard_ratio and log_rank_by_site of
    any_event or serious_event.  Ask for these first: what a site has told plainly is never summed.
    """
    from rwe.federate.request import Wish
    from rwe.federate.request import request as step

    _begin("federate request", study_dir, {"site": site})
    wish = Wish(
        asks=ask or (),
        sites=site or (),
        agreement=agreement,
        days=days,
        min_arm=min_arm,
        patients=secure_sum,
    )
    path, made = step(study_dir, wish, now=_now())
    _count(asks=len(made.asks), sites=len(made.sites))
    typer.echo(f"{len(made.asks)} statistics of {', '.join(made.sites)}; expires {made.not_after}", err=True)
    _out(str(path))


@federate.command()
def show(file: RequestFile, study_dir: StudyDir = Path(), as_json: AsJson = False) -> None:
    """Say in plain words what would leave this site if it answered: every number, and what is held back.

    Of the file of a later round: which models go on, and what each adds.
    """
    from rwe.federate.show import either as step

    _begin("federate show", study_dir, {})
    found = step(study_dir, file, now=_now())
    _count(released=found.prepared.released, suppressed=found.prepared.suppressed)
    content = {"request": found.request, "sha256": found.digest, "parts": found.prepared.parts}
    _print(_label(study_dir), as_json, content, lambda: "\n".join(found.lines))


@federate.command()
def approve(
    file: RequestFile,
    study_dir: StudyDir = Path(),
    sha256: Annotated[str, typer.Option(metavar="HASH", help="The one that `show` printed.")] = "",
) -> None:
    """Let this request, by its hash, be answered: the data steward signs with federate/steward.key.

    With --sha256 nothing but the request that was shown.  Without it, what was approved is said.
    """
    from rwe.federate.approve import approved as step

    _begin("federate approve", study_dir, {})
    path, found = step(study_dir, file, now=_now(), sha256=sha256)
    _count(approved=1)
    asks = ", ".join(map(str, found.request.asks))
    typer.echo(f"approved: SHA-256 {found.digest}\n  of {', '.join(found.request.sites)}: {asks}", err=True)
    _out(str(path))


@federate.command()
def answer(file: RequestFile, study_dir: StudyDir = Path()) -> None:
    """Answer an approved request from this site's own store: site and steward sign, the coordinator opens.

    A number that may not leave is marked as suppressed, with the reason.  A model that takes rounds is
    answered round by round: give the file of each, under the one approval.
    """
    from rwe.federate.answer import either

    _begin("federate answer", study_dir, {})
    found = either(study_dir, file, now=_now())
    _count(**found.counts)
    typer.echo(found.said, err=True)
    _out(str(found.file))


@federate.command()
def pool(
    file: RequestFile,
    answers: Annotated[list[Path], typer.Argument(metavar="ANSWER…", dir_okay=False)],
    study_dir: StudyDir = Path(),
    publish: Annotated[
        bool,
        typer.Option("--publish", help="Suppress cells of 1 to 7 of what is pooled and round the rest."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Verify the answers to a request and pool them into results/pooled.json.

    A model may take rounds: the next file of each site is then written, to be answered by that site, and all
    answers of all rounds are given here again.  Ends with 3 where a site that was asked has not answered or a
    model goes on, and with 14 where an answer does not hold.
    """
    from rwe.federate.pool import rounds as step
    from rwe.federate.show_pooled import text

    _begin("federate pool", study_dir, {})
    found, files = step(study_dir, file, answers, publish=publish, now=_now())
    _count(answers=len(found.sites), rows=len(found.rows))
    _print(found.label, as_json, {"pooled": found, "next": [*map(str, files)]}, lambda: text(found))
    for path in files:
        typer.echo(f"next: {path}", err=True)
    _end([why for why in (found.partial, found.unfinished) if why])


@federate.command()
def provision(
    study_dir: StudyDir = Path(),
    host: Annotated[
        str, typer.Option(help="By which name the sites reach the coordinator's server.")
    ] = "localhost",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Its one port.")] = 8002,
) -> None:
    """Make what engine mode needs: for the server, each site of members.toml and the coordinator a kit.

    A kit is a folder with a certificate, its key and the address: hand each to its site as you would a key.
    """
    from rwe.federate import engine

    engine.require()
    from rwe.federate.engine.kits import provision as step

    _begin("federate provision", study_dir, {})
    made = step(study_dir, host=host, port=port)
    _count(kits=len(made))
    _out("\n".join(map(str, made)))


@federate.command()
def serve(
    kit: Annotated[Path, typer.Argument(metavar="KIT", exists=True, file_okay=False, help="Whose.")],
    study_dir: StudyDir = Path(),
) -> None:
    """Take part by the engine until stopped: with the server's kit as coordinator, with a site's as site.

    A site connects outwards alone, runs nothing but rwe, and answers what its steward has approved: what
    comes unapproved lies in federate/ to be shown.
    """
    from rwe.federate import engine

    engine.require()
    from rwe.federate.engine.serve import prepared, run

    start = prepared(study_dir, kit)
    typer.echo(f"{start.who}, {start.address}; Ctrl-C stops it; log: {start.log}", err=True)
    run(start)


@federate.command()
def carry(
    file: RequestFile,
    study_dir: StudyDir = Path(),
    kit: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="The coordinator's, if not the newest.")
    ] = None,
    timeout: Annotated[int, typer.Option(min=10, help="Seconds that a site has to answer.")] = 600,
) -> None:
    """Send a request to its sites by the engine and fetch their answers, for `pool`.

    A model that takes rounds takes a job each.  Ends with 3 where a site has not answered, and says why; once
    its steward has approved, run it again.
    """
    from rwe.federate import engine

    engine.require()
    from rwe.federate.engine.carry import carry as step

    _begin("federate carry", study_dir, {})
    came = step(study_dir, file, kit=kit, timeout=timeout, now=_now())
    _count(answers=len(came.answers))
    _out("\n".join(map(str, came.answers)))
    _end([f"{site}: {why}" for site, why in came.missing.items()])


def _now() -> datetime:
    return datetime.now(UTC)
