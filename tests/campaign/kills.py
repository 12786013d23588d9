"""Kills commands and runs them again, or runs them twice at once."""

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from campaign.commands import Command
from campaign.processes import end_all, run, said, start

# Where a command begins to write: before, it only imports what it needs.
_FIRST = 0.3


def kill_and_repeat(command: Command, count: int, seed: int = 0
                    ) -> tuple[int, list[str]]:
    """Kill a command at random moments, and run it again each time.

    Every second time, the processes that it started are killed with it, as a
    machine that fails does; otherwise it alone, as ``kill -9`` does. Temporary
    files lie in a folder beside the results, and are compared too.

    Args:
        command: The command.
        count: How often it is killed.
        seed: Where the moments are drawn from.

    Returns:
        How often it was killed before it ended, and what was wrong.
    """
    rng = np.random.default_rng(seed)
    faults, killed = [], 0
    with tempfile.TemporaryDirectory(prefix='kills') as place:
        start = time.monotonic()
        to = _folder(place, 'whole')
        _run(command, to)
        lasts = time.monotonic() - start
        wanted = command.content(to)
        for number in range(count):
            to = _folder(place, str(number))
            moment = lasts * float(rng.uniform(_FIRST, 1))
            alone = bool(number % 2)
            killed += bool(_run(command, to, moment, alone))
            when = (f'{command.name} #{number}, killed after {moment:.1f} s'
                    f'{" alone" if alone else ""}: ')
            try:
                _run(command, to)
            except RuntimeError as error:
                faults.append(f'{when}{str(error).strip()[-500:]}')
            if left := end_all(to):
                faults.append(f'{when}{left[:2]} did not end')
            found = command.content(to)
            if found != wanted:
                differing = sorted(name for name in {*found, *wanted}
                                   if found.get(name) != wanted.get(name))
                faults.append(f'{when}{differing[:5]} differ')
            shutil.rmtree(to)
    return killed, faults


def _folder(place: str, name: str) -> Path:
    """A folder for the results, with one for temporary files."""
    to = Path(place, name)
    (to / 'tmp').mkdir(parents=True)
    return to


def _run(command: Command, to: Path, seconds: float | None = None,
         alone: bool = False) -> int:
    return run(command.words(to), seconds, alone, program=command.program,
               **command.environment, TMPDIR=str(to / 'tmp'))


def run_twice(command: Command) -> list[str]:
    """Run a command twice at once, on one destination.

    Returns:
        What was wrong: an error of more than a line, two errors, or a result
        that differs from that of one run.
    """
    with (tempfile.TemporaryDirectory(prefix='kills') as place,
          tempfile.TemporaryFile() as one, tempfile.TemporaryFile() as other):
        _run(command, whole := _folder(place, 'whole'))
        to = _folder(place, 'twice')
        started = [start(command.words(to), errors, command.program,
                         **command.environment, TMPDIR=str(to / 'tmp'))
                   for errors in (one, other)]
        failed = [said(errors) for process, errors in zip(
            started, (one, other), strict=True) if process.wait()]
        faults = [text[-500:] for text in failed
                  if not text.splitlines()[-1].startswith('error: ')
                  or 'Traceback' in text]
        if len(failed) == 2:
            faults.append(f'both failed: {failed}')
        wanted, found = command.content(whole), command.content(to)
        differing = sorted(name for name in {*found, *wanted}
                           if found.get(name) != wanted.get(name))
        if differing:
            faults.append(f'{differing[:5]} differ')
        return [f'{command.name}, twice at once: {fault}' for fault in faults]
