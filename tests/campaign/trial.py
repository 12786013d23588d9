"""Runs a function in a process of its own, and judges how it ended."""

import contextlib
import faulthandler
import os
import pickle
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

#: What no trial may exceed.
SECONDS, GIGABYTES = 60, 4
# These audit events are those of a program that is started.
_STARTS = ('os.system', 'os.exec', 'os.posix_spawn', 'subprocess.Popen',
           'pty.spawn', 'os.fork', 'os.forkpty')
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
#: The verdicts that are as they should be.
CLEAN = ('line', 'right', 'other')


@dataclass(frozen=True)
class Verdict:
    """How a trial ended.

    Attributes:
        kind: ``'line'`` for one line that names the file, ``'right'`` for the
            result of the healthy file, ``'other'`` for another result;
            anything else is a fault.
        text: What was printed, or why it is a fault.
        value: The result, if there is one.
    """

    kind: str
    text: str = ''
    value: Any = None

    @property
    def is_clean(self) -> bool:
        """Whether the trial ended as it should."""
        return self.kind in CLEAN


def attempt(action: Callable[[], Any], folder: Path) -> Verdict:
    """Run an action in a forked process.

    Args:
        action: What to do, as a command of ``mmdbsam`` does it.
        folder: The only folder that it may write to, which messages name.

    Returns:
        The verdict; that of a result is ``'other'``, as nothing is known of
        what is right.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as back:
        # The process that is forked begins with all of it that is no file's.
        memory = psutil.Process().memory_info()
        held = memory.rss - getattr(memory, 'shared', 0)
        process = os.fork()
        if not process:
            _child(action, folder, output.fileno(), back)
        _, status, used = os.wait4(process, 0)
        output.seek(0)
        back.seek(0)
        printed = output.read().decode(errors='replace')
        answer = back.read()
    grown = (used.ru_maxrss * 1024 - held) / 2**30
    if grown > GIGABYTES:
        return Verdict('memory', f'{grown:.1f} GB')
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        kind = 'hang' if number == signal.SIGALRM else 'signal'
        return Verdict(kind, f'{signal.Signals(number).name} {printed}')
    kind, text, value = pickle.loads(answer)
    if kind == 'line':
        if printed.strip():
            return Verdict('noise', f'{printed}{text}')
        if '\n' in text or not text.startswith('error: '):
            return Verdict('lines', text)
        if str(folder) not in text and folder.name not in text:
            return Verdict('unnamed', text)
    return Verdict(kind, text, value)


def _child(action: Callable[[], Any], folder: Path, output: int,
           back: Any) -> None:
    """Do what a process that ends here does."""
    answer: tuple = ('traceback', 'nothing came back', None)
    try:
        faulthandler.disable()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        limit = int((GIGABYTES + 2) * 2**30) + psutil.Process(
        ).memory_info().rss
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        # A progress bar may have begun on stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(output, 2)
        sys.stdout, sys.stderr = (os.fdopen(os.dup(fd), 'w', buffering=1)
                                  for fd in (1, 2))
        # Temporary files are made here too, and must be gone in the end.
        tempfile.tempdir = str(folder)
        faults = _watch(folder)
        answer = _answer(action)
        if faults:
            answer = (*faults[0], None)
    except BaseException:
        answer = ('traceback', traceback.format_exc(), None)
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        pickle.dump(answer, back)
        back.flush()
        os._exit(0)


def _answer(action: Callable[[], Any]) -> tuple:
    from mmdbsam.errors import run_cli
    found = []
    try:
        run_cli(lambda: found.append(action()))
    except SystemExit as stop:
        return 'line', str(stop.code), None
    except BaseException:
        return 'traceback', traceback.format_exc(), None
    return 'other', '', found[0]


def _watch(folder: Path) -> list[tuple[str, str]]:
    """Note whatever starts a program, or opens a file outside to write."""
    faults: list[tuple[str, str]] = []
    # Temporary files are removed, or by the system at the latest.
    allowed = (str(folder), '/dev/', '/proc/',
               str(Path(tempfile.gettempdir(), tempfile.gettempprefix())))

    def hook(event: str, args: tuple) -> None:
        if event in _STARTS:
            faults.append(('execution', f'{event} {args[:2]}'))
        if event == 'open' and isinstance(args[0], str | bytes):
            flags = args[2] or 0
            path = os.path.abspath(os.fsdecode(args[0]))
            # Compiled modules are written wherever modules lie.
            if (flags & _WRITES and not path.startswith(allowed)
                    and '__pycache__' not in path):
                faults.append(('outside', path))

    sys.addaudithook(hook)
    return faults
