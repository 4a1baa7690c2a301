"""results.json for people and other programs: one HTML file, tables and figures.

Everything is made from Results alone; only `write` touches a folder.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rwe.errors import UsageError
from rwe.results import Results

OURS = {"tables": (".csv", ".parquet", ".docx"), "figures": (".svg", ".png")}


def write(results: Results, folder: Path) -> list[Path]:
    """Write report.html, tables/ and figures/; the same results give the same bytes.

    A table or figure of an earlier run that these results do not have is removed: it would be taken
    for one of theirs.
    """
    files = dict(_files(results))
    try:
        for place in (folder, *(folder / name for name in OURS)):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.chmod(0o700)
        written = [_replace(folder / name, content) for name, content in files.items()]
        _remove_stale(folder, keep=set(written))
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from error
    return written


def _files(results: Results) -> Iterator[tuple[str, bytes]]:
    # here, so that a command that prints text loads neither polars nor jinja2
    from rwe.output.docx import docx_bytes  # noqa: PLC0415
    from rwe.output.figures import all_figures, standalone  # noqa: PLC0415
    from rwe.output.png import png_bytes  # noqa: PLC0415
    from rwe.output.report import render_html, sections  # noqa: PLC0415
    from rwe.output.tables import csv_bytes, frames, parquet_bytes  # noqa: PLC0415

    found = sections(results)
    yield "report.html", render_html(results, found).encode()
    yield "tables/tables.docx", docx_bytes(results.study.title, results.label, found)
    for name, frame in frames(results).items():
        yield f"tables/{name}.csv", csv_bytes(frame)
        yield f"tables/{name}.parquet", parquet_bytes(frame)
    for figure in all_figures(results):
        yield f"figures/{figure.slug}.svg", standalone(figure)
        yield f"figures/{figure.slug}.png", png_bytes(figure)


def put(folder: Path, files: Mapping[str, bytes], *, instead_of: Sequence[str] = ()) -> None:
    """Write files into a folder that others may use too; those of an earlier run that are not among them go.

    instead_of: what else an earlier run may have written.
    """
    try:
        for place in dict.fromkeys((folder, *((folder / name).parent for name in files))):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in instead_of:
            if name not in files:
                (folder / name).unlink(missing_ok=True)
        for name, content in files.items():
            _replace(folder / name, content)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from error


def _replace(path: Path, content: bytes) -> Path:
    """A reader sees the old file or the new one; mkstemp gives mode 0600."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return path


def _remove_stale(folder: Path, *, keep: set[Path]) -> None:
    for name, suffixes in OURS.items():
        for path in (folder / name).iterdir():
            if path.suffix in suffixes and path not in keep:
                path.unlink()
