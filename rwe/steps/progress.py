"""Bars for whoever watches: one for each walk or export, with its rate and what remains.

    Screen().bar  ──▶  Progress; Screen().say()  ──▶  a line above the bars, which it does not tear

Threads may share a Screen.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal, Protocol

Unit = Literal["rows", "bytes"]


class Progress(Protocol):
    """Opens a bar; what it gives is told of how many more have come.  total: None where nobody knows."""

    def __call__(
        self, label: str, total: int | None, /, *, unit: Unit = "rows"
    ) -> AbstractContextManager[Callable[[int], object]]: ...


@contextmanager
def silent(_label: str, _total: int | None, **_unit: Unit) -> Iterator[Callable[[int], object]]:
    yield lambda _: None


class Screen:
    """The terminal of stderr."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415  only for someone who watches
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn  # noqa: PLC0415

        self._console = Console(stderr=True, markup=False, emoji=False, highlight=False)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[done]}"),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._lock, self._open, self._over = threading.Lock(), 0, False

    def say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)

    def close(self) -> None:
        """Whatever is under way: the terminal is left as it was."""
        with self._lock:
            self._over = True
            self._bars.stop()

    @contextmanager
    def bar(
        self, label: str, total: int | None, /, *, unit: Unit = "rows"
    ) -> Iterator[Callable[[int], object]]:
        task = self._begin(label, total, unit)

        def told(more: int) -> None:
            self._show(task, unit, more)

        try:
            yield told
        finally:
            self._end(task)

    def _begin(self, label: str, total: int | None, unit: Unit) -> Any:
        with self._lock:
            number = self._bars.add_task(label, total=total, done="", rate="")
            task = next(t for t in self._bars.tasks if t.id == number)
            self._show(task, unit, 0)
            self._open += 1
            if not self._over:
                self._bars.start()
        return task

    def _show(self, task: Any, unit: Unit, more: int) -> None:
        whole = "" if task.total is None else f"/{_number(task.total, unit)}"
        done = _number(task.completed + more, unit) + whole
        rate = f"{_number(task.speed, unit)}/s" if task.speed else ""
        self._bars.update(task.id, advance=more, done=done, rate=rate)

    def _end(self, task: Any) -> None:
        with self._lock:
            self._bars.remove_task(task.id)
            self._open -= 1
            if not self._open:
                self._bars.stop()


def _number(n: float, unit: Unit) -> str:
    if unit == "rows":
        return f"{n:,.0f}"
    from rich.filesize import decimal  # noqa: PLC0415  as above

    return decimal(int(n))
