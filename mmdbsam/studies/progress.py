"""Tells the user how far a study is, and when it will be done."""

import time
from datetime import timedelta
from typing import Optional, Sequence, Set

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from mmdbsam.studies.runs import Run


class StudyProgress:
    """Prints a line for each event and, on a terminal, a progress bar.

    The time left is estimated from the work done since this process started,
    on the assumption that all runs take equally long.

    Args:
        runs: All runs of the study.
        console: The console to write to.
    """

    def __init__(self, runs: Sequence[Run], console: Console) -> None:
        self.runs = runs
        self.console = console
        self.failed: Set[Run] = set()
        self.start = time.monotonic()
        self.done_at_start = self._done()
        self.bar = Progress(
            TextColumn('{task.completed:.1f} of {task.total} runs'),
            BarColumn(), TimeElapsedColumn(), TextColumn('{task.description}'),
            console=console, transient=True)
        self.task = self.bar.add_task('', total=len(runs),
                                      completed=self.done_at_start)

    def __enter__(self) -> 'StudyProgress':
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def waits(self, run: Run) -> None:
        """Say that a run waits, because another process works on it."""
        self._print(run, 'waits for a process of an earlier study that is '
                    'still working on it')

    def started(self, run: Run) -> None:
        """Say that a run starts or resumes."""
        self._print(run, 'resumes' if 0 < run.progress() < 1 else 'starts')

    def finished(self, run: Run, error: Optional[str]) -> None:
        """Say that a run has ended, or that it failed with an error."""
        if error is None:
            self._print(run, 'done')
        else:
            self.failed.add(run)
            self._print(run, f'FAILED: {error}')
        self.update()

    def measured(self, run: Run, error: Optional[str]) -> None:
        """Say that the costs of a run's model were measured, or failed."""
        self._print(run, f'FAILED to measure its costs: {error}' if error
                    else 'costs measured')

    def update(self) -> None:
        """Update the progress bar."""
        self.bar.update(self.task, completed=self._done(),
                        description=self._left())

    def _print(self, run: Run, what: str) -> None:
        number = self.runs.index(run) + 1
        left = self._left()
        self.console.print(
            f'{time.strftime("%T")} [{number}/{len(self.runs)}] {run.name}: '
            f'{what}{f"; {left}" if left else ""}', markup=False,
            highlight=False, soft_wrap=True)

    def _done(self) -> float:
        return sum(1. if run in self.failed else run.progress()
                   for run in self.runs)

    def _left(self) -> str:
        done = self._done()
        here = done - self.done_at_start
        if here <= 0 or done >= len(self.runs):
            return ''
        seconds = (time.monotonic() - self.start) / here * (
            len(self.runs) - done)
        return f'about {timedelta(seconds=round(seconds))} left'
