"""Runs a study's tools in processes of their own, whatever fails."""

import getpass
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Callable, Dict, List, Sequence, Union

import torch

from mmdbsam.errors import InputError
from mmdbsam.io.locks import locked
from mmdbsam.studies.progress import StudyProgress
from mmdbsam.studies.runs import Run

_ERROR = re.compile(r'error: |[\w.]*(Error|Exception|Interrupt)\b')
_POLL_SECONDS = 0.5


class ToolFailure(Exception):
    """A tool ended with an error, whose last line is the message."""


class Tools:
    """The command lines of which a run consists.

    Args:
        amp: Whether trainings use mixed precision, see :func:`.amp_dtype`.
        program: The words that begin each command line, before the
            subcommand.
    """

    def __init__(self, amp: Union[bool, str, None], program: Sequence[str] = (
            sys.executable, '-m', 'mmdbsam')) -> None:
        self.amp = amp
        self.program = program

    def train(self, run: Run) -> List[str]:
        """Return the command that trains a run, resuming if it can."""
        return self._command('train', run.config_file, '--resume',
                             '--work-dir', run.training,
                             *self._precision())

    def test(self, run: Run) -> List[str]:
        """Return the command that tests a run's last checkpoint."""
        return self._command('test', run.config_file, run.checkpoint,
                             '--work-dir', run.folder / 'test',
                             '--report', run.report)

    def measure(self, run: Run) -> List[str]:
        """Return the command that measures the costs of a run's model."""
        return self._command('flops', run.config_file,
                             '--json', run.costs)

    def _precision(self) -> List[str]:
        """The words that choose the number format of trainings."""
        if self.amp == 'force':
            return ['--amp', 'force']
        return ['--amp'] if self.amp else []

    def _command(self, name: str, *args: Any) -> List[str]:
        return [*self.program, name, *map(str, args)]


def device_environments(number: int) -> List[Dict[str, str]]:
    """Make the environments that give processes equal shares of the machine.

    On a machine with GPUs, a share is one of the GPUs that are visible here.
    On any other, it is an equal part of the cores.

    Args:
        number: The number of shares.

    Returns:
        list[dict]: The environment variables of each share.

    Raises:
        InputError: If there are fewer GPUs, or cores, than shares.
    """
    if torch.cuda.is_available():
        visible = os.environ.get('CUDA_VISIBLE_DEVICES')
        devices = (visible.split(',') if visible else
                   list(map(str, range(torch.cuda.device_count()))))
        what = 'GPUs'
    else:
        devices = _cores()
        what = 'cores'
    if not 1 <= number <= len(devices):
        raise InputError(f'--devices: expected 1 to {len(devices)}, the '
                         f'number of {what}, found {number}')
    if number == 1:
        return [{}]
    if what == 'GPUs':
        return [dict(CUDA_VISIBLE_DEVICES=device)
                for device in devices[:number]]
    threads = str(len(devices) // number)
    return [dict(OMP_NUM_THREADS=threads, NUMBA_NUM_THREADS=threads)
            for _ in range(number)]


def measure_costs(runs: Sequence[Run], tools: Tools,
                  progress: StudyProgress) -> Dict[Run, str]:
    """Measure the costs of each variant's model.

    They are measured one after the other, also by studies that run at the same
    time, as others would slow them down.

    Args:
        runs: The runs; the first tested one of each variant is measured.
        tools: The command lines.
        progress: The display that tells the user.

    Returns:
        dict: The last line of the error of each run that failed.
    """
    failures: Dict[Run, str] = {}
    firsts = {run.variant.name: run for run in reversed(runs)
              if run.is_tested}
    for run in reversed(firsts.values()):
        if run.costs.is_file():
            continue
        # Another study would slow it down too.
        with locked(Path(tempfile.gettempdir(),
                         f'mmdbsam-costs-{getpass.getuser()}')):
            if run.costs.is_file():
                continue
            try:
                call_tool(tools.measure(run), run.log('costs'))
            except ToolFailure as error:
                failures[run] = str(error)
        progress.measured(run, failures.get(run))
    return failures


def _cores() -> List[str]:
    """List the cores that this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return sorted(map(str, os.sched_getaffinity(0)))
    return list(map(str, range(os.cpu_count() or 1)))


def execute(runs: Sequence[Run], tools: Tools,
            environments: Sequence[Dict[str, str]],
            progress: StudyProgress) -> Dict[Run, str]:
    """Train and test the runs that are not done, several at a time.

    Args:
        runs: The runs, in the order in which they start.
        tools: The command lines.
        environments: The environments of the machine's shares, each of which
            has one run at a time.
        progress: The display that tells the user.

    Returns:
        dict: The last line of the error of each run that failed.
    """
    failures: Dict[Run, str] = {}
    shares: SimpleQueue = SimpleQueue()
    for environment in environments:
        shares.put(environment)

    def work(run: Run) -> None:
        environment = shares.get()
        try:
            _train_and_test(run, tools, environment, progress)
        finally:
            shares.put(environment)

    pool = ThreadPoolExecutor(len(environments))
    try:
        pending = {pool.submit(work, run): run for run in runs
                   if not run.is_tested}
        while pending:
            done, _ = wait(pending, _POLL_SECONDS, FIRST_COMPLETED)
            for future in done:
                run = pending.pop(future)
                error = future.exception()
                if isinstance(error, ToolFailure):
                    failures[run] = str(error)
                elif error is not None:
                    raise error
                progress.finished(run, failures.get(run))
            progress.update()
    finally:
        # An interrupt reaches the tools by itself, but not the waiting runs.
        pool.shutdown(cancel_futures=True)
    return failures


def _train_and_test(run: Run, tools: Tools, environment: Dict[str, str],
                    progress: StudyProgress) -> None:
    run.prepare()
    with run.lock(lambda: progress.waits(run)) as lock:
        def call(tool: str, command: List[str],
                 is_done: Callable[[], bool]) -> None:
            call_tool(command, run.log(tool), environment, (lock, ))
            if not is_done():
                raise ToolFailure(f'{tool} ended without its result, see '
                                  f'{run.log(tool)}')

        progress.started(run)
        if not run.is_trained and not run.is_tested:
            call('train', tools.train(run), lambda: run.is_trained)
        if not run.is_tested:
            call('test', tools.test(run), lambda: run.is_tested)


def call_tool(command: Sequence[str], log: Path,
              environment: Dict[str, str] | None = None,
              pass_fds: Sequence[int] = ()) -> None:
    """Run a tool to its end, and add its output to a log.

    Args:
        command: The words of the command line.
        log: The log's file.
        environment: Variables that differ from this process's environment.
        pass_fds: File descriptors that the tool inherits.

    Raises:
        ToolFailure: If the tool ends with an error.
    """
    with open(log, 'a') as file:
        start = file.seek(0, 2)
        file.write(f'{time.strftime("%F %T")} $ {shlex.join(command)}\n')
        file.flush()
        status = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=file,
            stderr=subprocess.STDOUT, pass_fds=pass_fds,
            env={**os.environ, **(environment or {})}).returncode
    if status < 0:
        raise ToolFailure(f'ended by {signal.Signals(-status).name}')
    if status:
        with open(log, errors='replace') as file:
            file.seek(start)
            lines = [line.strip() for line in file if line.strip()]
        errors = [line for line in lines if _ERROR.match(line)]
        raise ToolFailure((errors or lines)[-1].removeprefix('error: '))
