"""Where the plan stands: as it is now, as it was locked, and when the endpoints were first compared.

study, code lists, SQL, mappings, plan.ndjson, audit log  ──▶  results.json: plan
"""

from datetime import UTC, datetime
from pathlib import Path

import rwe
from rwe import audit, chain, data, locks, results, study
from rwe.locks import Lock
from rwe.steps import folder
from rwe.steps.audit import stamp
from rwe.study import Study


def frozen(plan: Study, *, at: str, compared_at: str | None) -> Lock:
    """The plan as it is now."""
    lists = {name: plan.folder / "codes" / f"{name}.csv" for name in plan.code_lists}
    return Lock(
        before="",
        locked_at=at,
        compared_at=compared_at,
        study=chain.sha256((plan.folder / study.FILE).read_bytes()),
        code_lists={name: chain.sha256(path.read_bytes()) for name, path in lists.items()},
        sql=data.sql_sha256(),
        mappings=data.mappings_sha256(),
        reviewed=data.reviewed_sha256(),
        software=rwe.__version__,
    )


def standing(plan: Study) -> results.Plan:
    """Of a study that was compared: was its plan locked before, and what changed since?"""
    held = locks.lines(plan.folder)
    if not held:
        return results.UNLOCKED
    locked_at, compared_at = held[0].locked_at, compared(plan.folder, held)
    return results.Plan(
        locked_at=locked_at,
        first_comparison_at=compared_at,
        before_comparison=compared_at is None or locked_at <= compared_at,
        changed_since=locks.changes(held, frozen(plan, at="", compared_at=None)),
    )


def compared(study_dir: Path, held: list[Lock]) -> str | None:
    """The first comparison that the log or a lock knows of; else when a results file was written."""
    known = [audit.first_comparison(study_dir / folder.DATA), *(lock.compared_at for lock in held)]
    return min((at for at in known if at), default=None) or _written(study_dir)


def _written(study_dir: Path) -> str | None:
    """The log may have been lost, or the results come from elsewhere."""
    path = study_dir / folder.RESULTS / results.NAME
    if not path.exists():
        return None
    return stamp(datetime.fromtimestamp(path.stat().st_mtime, UTC))
