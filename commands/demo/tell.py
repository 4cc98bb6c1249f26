"""Says what happens: bars on a terminal, plain lines otherwise."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text


class Teller:
    """The demo's voice, on standard output."""

    def __init__(self) -> None:
        # a log keeps its lines whole; a terminal has its own width
        self._console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
        self._started = time.monotonic()
        self._chapter = 0

    def chapter(self, title: str) -> None:
        """A new part of the day, with the seconds since its start."""
        self._chapter += 1
        self._console.print(
            f"\n[bold]{self._chapter}. {title}[/bold]  [dim]({time.monotonic() - self._started:.1f} s)[/dim]"
        )

    def line(self, text: str) -> None:
        """One thing that happened."""
        self._console.print(f"   {text}", markup=False, soft_wrap=True)

    def block(self, text: str) -> None:
        """Text as it is."""
        self._console.print(text, markup=False, soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Rows under their column names."""
        made = Table(*columns, box=None, pad_edge=False)
        for row in rows:
            made.add_row(*(Text(cell) for cell in row))
        self._console.print(Padding(made, (0, 0, 0, 3)))

    def watch(
        self, what: str, total: int, look: Callable[[], int], until: Callable[[], bool], timeout_s: float
    ) -> bool:
        """Show `look()` of `total` until `until()`; whether it came to that within `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        bar = Progress(
            TextColumn("   {task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            transient=True,
        )
        with bar if self._console.is_terminal else nullcontext():
            task = bar.add_task(what, total=total)
            told = -1
            while not (done := until()) and time.monotonic() < deadline:
                now = look()
                bar.update(task, completed=now)
                if not self._console.is_terminal and now != told:
                    self.line(f"{what}: {now} of {total}")
                    told = now
                time.sleep(0.1)
        return done
