"""pool: the answers of the sites, each held against its keys and the request, as one result.

    request, answers  ──▶  results/pooled.json, a line of the ledger

An answer that does not hold ends it: leave it out, and the result is partial and says so.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from rwe import study
from rwe.federate import envelope, form, ledger, members, rules
from rwe.federate.came import arrived
from rwe.federate.files import content, whole
from rwe.federate.ledger import Entry
from rwe.federate.messages import REQUEST, Answer, Request
from rwe.federate.pooled import NAME, Pooled, Row, SiteAnswer, rows
from rwe.federate.pooled_sums import Sums, limits, summed_rows
from rwe.federate.publish import published
from rwe.federate.rounding import WORDS
from rwe.federate.rounds.ended import model_rows
from rwe.federate.rounds.gather import Gathered, gathered, written
from rwe.federate.statistics import in_rounds, is_masked
from rwe.steps import folder
from rwe.steps.audit import stamp
from rwe.study import Study


def pool(study_dir: Path, path: Path, answers: Sequence[Path], *, publish: bool, now: datetime) -> Pooled:
    return rounds(study_dir, path, answers, publish=publish, now=now)[0]


def rounds(
    study_dir: Path, path: Path, answers: Sequence[Path], *, publish: bool, now: datetime
) -> tuple[Pooled, list[Path]]:
    """answers: of all rounds.  Also the files of the next round, one for each site, where a model goes on."""
    with ledger.recording(study_dir, "pool", now):
        asked, came, models, files = _read(study_dir, path, answers)
        found = _pooled(asked, came, study.load(study_dir), models, publish=publish)
        done = Entry(before="", at=stamp(now), what="pooled", verb="pool", request=found.request)
        ledger.write(study_dir, done)
        whole(folder.results_folder(study_dir) / NAME, msgspec.json.format(msgspec.json.encode(found)))
    return found, files


def next_round(study_dir: Path, path: Path, answers: Sequence[Path], *, now: datetime) -> list[Path]:
    """The files alone: nothing is pooled yet."""
    with ledger.recording(study_dir, "pool", now):
        return _read(study_dir, path, answers)[3]


def _read(
    study_dir: Path, path: Path, answers: Sequence[Path]
) -> tuple[Request, dict[str, Answer], Gathered, list[Path]]:
    known, key = members.load(study_dir), members.key(study_dir, members.COORDINATOR)
    asked = envelope.opened(content(path), REQUEST, Request, keys=[known.public()], where=path)
    form.request(asked, path)
    came, later = arrived(answers, asked, known, key)
    texts = {1: {site: a.sums for site, a in came.items() if a.sums}, **later}
    models = gathered(asked, path, study.load(study_dir), texts, known)
    return asked, came, models, written(study_dir, asked, models, known, key)


def _pooled(
    asked: Request, came: dict[str, Answer], plan: Study, models: Gathered, *, publish: bool
) -> Pooled:
    publish = publish or asked.tier == "publish"
    found = [*_rows(asked, came, plan, models)] if came else []
    return Pooled(
        label=plan.label,
        study=asked.study,
        request=envelope.digest(asked),
        tier="publish" if publish else "coordinator",
        agreement=asked.agreement,
        partial=rules.partial(asked.sites, came),
        sites=[
            SiteAnswer(id=a.site, created=a.created, data_as_of=a.data_as_of, software=a.software)
            for a in came.values()
        ],
        rows=published(found) if publish else found,
        limits=limits(asked.asks),
        unfinished=_unfinished(models),
        rounding=list(WORDS) if publish else [],
    )


def _unfinished(models: Gathered) -> str | None:
    if models.next is None:
        return None
    waits = f", which waits for {', '.join(models.waits)}" if models.waits else ""
    return f"{len(models.going_on)} models go on to round {models.number}{waits}"


def _rows(asked: Request, came: dict[str, Answer], plan: Study, models: Gathered) -> Iterator[Row]:
    digest, kind = envelope.digest(asked), plan.file.analysis[0].quantile_type
    for place, ask in enumerate(asked.asks):
        parts = {site: a.parts[place] for site, a in came.items()}
        if in_rounds(ask):
            missing = [site for site in asked.sites if site not in came]
            yield from model_rows(ask, place, models, sites=asked.sites, missing=missing)
        elif is_masked(ask):
            sums = Sums(asked=asked, digest=digest, place=place, quantile_type=kind)
            yield from summed_rows(sums, parts)
        else:
            yield from rows(ask, parts)
