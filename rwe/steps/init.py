"""init and demo: a study folder from the shipped example."""

import os
import re
import shutil
from pathlib import Path

from rwe import data, site, study
from rwe.errors import UsageError

MADE = ("data", "results")


def init(folder: Path, *, with_data: bool) -> None:
    """A new study folder: the example's question, and its FHIR resources or a sites.toml to fill in."""
    if _occupied(folder):
        raise UsageError(f"{folder}: is not empty", hint="name a new folder")
    source = data.demo_study()
    if with_data:
        _copy(source, folder)
        return
    _copy(source, folder, leave=("fhir", site.FILE, study.FILE))
    shutil.copyfile(data.root() / "fixtures" / "template" / site.FILE, folder / site.FILE)
    question = (source / study.FILE).read_text(encoding="utf-8")
    (folder / study.FILE).write_text(_unnamed(question), encoding="utf-8")


def _unnamed(question: str) -> str:
    """The example's question without what is true of the example alone: its name, label, deviations."""
    for pattern, text in (
        (r'^id = "uc-msc-covid19"$', 'id = "my-study"'),
        (r'^title = "[^"]*"$', 'title = "What is compared with what, in whom"'),
        (r'^label = "synthetic[^"]*"$', '# label = "synthetic data"'),
        (r"^deviations = \[[^]]*\]$", "deviations = []"),
    ):
        question = re.sub(pattern, text, question, count=1, flags=re.MULTILINE)
    return question


def demo(folder: Path) -> None:
    """The example with its data; again in the same folder is fine, over a study of one's own is not."""
    source = data.demo_study()
    if _occupied(folder) and (not (folder / study.FILE).is_file() or _id(folder) != _id(source)):
        raise UsageError(f"{folder}: holds something else than the demo study", hint="rwe demo DIR")
    if edited := _edited(source, folder):
        hint = f"`rwe run --dir {folder}` runs yours; `rwe demo DIR` makes another"
        raise UsageError(f"{edited}: is not as the demo study has it", hint=hint)
    _copy(source, folder)


def _edited(source: Path, folder: Path) -> Path | None:
    """The first of the files people write that is there and says something else."""
    for path in (source / study.FILE, source / site.FILE, *sorted((source / "codes").iterdir())):
        mine = folder / path.relative_to(source)
        if mine.is_file() and mine.read_bytes() != path.read_bytes():
            return mine
    return None


def _occupied(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except FileNotFoundError:
        return False
    except OSError as e:
        raise UsageError(
            f"{folder}: is no folder to write in ({e.strerror})", hint="name a new one"
        ) from None


def _id(folder: Path) -> str:
    return study.load(folder).file.study.id


def _copy(source: Path, folder: Path, *, leave: tuple[str, ...] = ()) -> None:
    """Files keep their times: the source's time is when its newest file was changed.

    Modes are the reader's own: an installed example may be read-only, or open to others.
    """
    kept = [p for p in sorted(source.rglob("*")) if not {*MADE, *leave} & {*p.relative_to(source).parts}]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in kept:
            _copy_one(path, folder / path.relative_to(source))
    except OSError:
        raise UsageError(f"{folder}: cannot be written", hint="name a folder of yours") from None


def _copy_one(path: Path, target: Path) -> None:
    if path.is_dir():
        target.mkdir(mode=0o700, exist_ok=True)
        return
    shutil.copyfile(path, target)
    os.utime(target, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
