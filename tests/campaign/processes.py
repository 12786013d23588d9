"""Runs commands in processes of their own, and kills them."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]
# Processes notice within this time that the one that started them is gone.
_SECONDS_TO_END = 15


def start(words: Sequence[str], errors: IO,
          program: Sequence[str] = ('-m', 'mmdbsam'), **environment: str
          ) -> subprocess.Popen:
    """Start a command in a session of its own.

    Args:
        words: The words of the command line.
        errors: The file that stderr is written to.
        program: The words of Python's command line that stand for
            ``mmdbsam``.
        **environment: Variables that differ from this process's environment.
    """
    return subprocess.Popen(
        [sys.executable, *program, *words], env=dict(
            os.environ, OMP_NUM_THREADS='1',
            **{'PYTHONPATH': str(ROOT), **environment}),
        stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)


def run(words: Sequence[str], seconds: float | None = None,
        alone: bool = False, **about: Any) -> int:
    """Run a command, and kill it after a time.

    Args:
        words: The words of the command line.
        seconds: When to kill it, or None to let it end.
        alone: Whether the processes that it started are spared.
        **about: What else :func:`start` takes.

    Returns:
        The exit status, -9 if it was killed.

    Raises:
        RuntimeError: If it ends with another error.
    """
    with tempfile.TemporaryFile() as errors:
        process = start(words, errors, **about)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            (os.kill if alone else os.killpg)(process.pid, signal.SIGKILL)
            process.wait()
            return -signal.SIGKILL
        if process.returncode:
            raise RuntimeError(f'{" ".join(words)}: {said(errors)}')
    return process.returncode


def said(errors: IO) -> str:
    """What a command wrote to stderr."""
    errors.seek(0)
    return errors.read().decode(errors='replace').strip()


def end_all(place: Path) -> list[str]:
    """End the processes that still work on a folder.

    Args:
        place: A folder that their command lines or environments name.

    Returns:
        The command lines of those that did not end by themselves.
    """
    deadline = time.monotonic() + _SECONDS_TO_END
    while (left := _working_on(place)) and time.monotonic() < deadline:
        time.sleep(0.2)
    for process in left:
        os.kill(process, signal.SIGKILL)
    return list(left.values())


def _working_on(place: Path) -> dict[int, str]:
    found = {}
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            if os.fsencode(place) in (folder / 'environ').read_bytes():
                words = (folder / 'cmdline').read_bytes().split(b'\0')
                found[int(folder.name)] = b' '.join(words).decode()
        except OSError:
            # It has ended, or belongs to another user.
            continue
    return {process: words for process, words in found.items() if words}
