"""Kills commands at random moments, and runs them again."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
TINY = str(ROOT / 'tests/data/dbsam_tiny_spine.py')
SPINE = ROOT / 'tests/data/ct_spine'
# Times, places and speeds differ between any two runs.
_VARYING = re.compile(r'(log$|vis_data|/\d{8}_\d{6}/|index\.html$|report\.md$|'
                      r'summary\.json$|labels\.json$|/config\.py$|'
                      r'dbsam_tiny_spine\.py$|last_checkpoint$)')


@dataclass(frozen=True)
class Command:
    """A command that is killed.

    Attributes:
        name: Its name in tables.
        words: The words of the command line, for a folder to write to.
        content: Tells two results apart, and none of what may differ.
    """

    name: str
    words: Callable[[Path], Sequence[str]]
    content: Callable[[Path], dict[str, str]]


def files_of(folder: Path) -> dict[str, str]:
    """The hash of every file that is the same in any two runs."""
    return {str(path.relative_to(folder)): hashlib.sha256(
        _content(path)).hexdigest() for path in sorted(folder.rglob('*'))
        if path.is_file() and not _VARYING.search(str(path))}


def _content(path: Path) -> bytes:
    """The bytes of a file; of a checkpoint, those of its weights."""
    if path.suffix == '.pth':
        import torch
        state = torch.load(path, weights_only=False)['state_dict']
        return b''.join(value.numpy().tobytes() for value in state.values())
    if path.suffix == '.safetensors':
        # The index names the time of the file that it was made from.
        from safetensors.numpy import load_file
        return b''.join(value.tobytes() for _, value in
                        sorted(load_file(path).items()))
    if path.name == 'origin.json':
        return b''
    return path.read_bytes()


def prepared(folder: Path) -> Path:
    """The prepared data that trainings read, made once."""
    data = folder / 'data'
    if not data.exists():
        run(prepare_words(data, SPINE))
    return data


def prepare_words(dest: Path, source: Path) -> list[str]:
    """The command that prepares a source."""
    return ['prepare', str(source), str(dest), '--min-volume', '0',
            '--min-area', '0', '--workers', '1']


def commands(shared: Path) -> list[Command]:
    """The commands, with what they share in a folder.

    Args:
        shared: A folder for a source of several cases, prepared data, and a
            checkpoint, which are made now.
    """
    source = shared / 'source'
    for name in 'abcdef':
        for part in ('images', 'labels'):
            (source / part).mkdir(parents=True, exist_ok=True)
            shutil.copy(next((SPINE / part).iterdir()),
                        source / part / f'{name}.nii.gz')
    data = prepared(shared)
    options = ['--cfg-options', f'data_root={data}', 'max_epochs=2']
    run(['train', TINY, '--work-dir', str(shared / 'work'), *options])
    weights = str(shared / 'work/epoch_2.pth')
    boxes = shared / 'boxes.csv'
    boxes.write_text('image,name,x0,y0,z0,x1,y1,z1\n' + ''.join(
        f'{name},bone,20,20,10,50,50,16\n' for name in 'abcdef'))
    return [
        Command('prepare', lambda to: prepare_words(to / 'out', source),
                files_of),
        Command('train', lambda to: [
            'train', TINY, '--resume', '--work-dir', str(to / 'out'),
            *options], files_of),
        Command('test', lambda to: [
            'test', TINY, weights, '--work-dir', str(to / 'work'),
            '--report', str(to / 'out'), *options[:2]],
            lambda to: files_of(to / 'out')),
        Command('infer', lambda to: [
            'infer', str(source / 'images'), '-o', str(to / 'out'),
            '--config', TINY, '--checkpoint', weights, '--boxes', str(boxes)],
            files_of),
        Command('export', lambda to: [
            'export', TINY, weights, '-o', str(to / 'out')], files_of),
    ]


def run(words: Sequence[str], seconds: float | None = None) -> int:
    """Run a command of ``mmdbsam``, and kill it after a time.

    Args:
        words: The words of the command line.
        seconds: When to kill it and its children, or None to let it end.

    Returns:
        The exit status, -9 if it was killed.

    Raises:
        RuntimeError: If it ends with another error.
    """
    environment = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1')
    process = subprocess.Popen(
        [sys.executable, '-m', 'mmdbsam', *words], env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True)
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        _, errors = process.communicate()
        return -signal.SIGKILL
    if process.returncode:
        raise RuntimeError(f'{" ".join(words)}: {errors}')
    return process.returncode


def kill_and_repeat(command: Command, count: int, seed: int = 0
                    ) -> tuple[int, list[str]]:
    """Kill a command at random moments, and run it again each time.

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
        whole = Path(place, 'whole')
        whole.mkdir()
        start = time.monotonic()
        run(command.words(whole))
        lasts = time.monotonic() - start
        wanted = command.content(whole)
        for number in range(count):
            to = Path(place, str(number))
            to.mkdir()
            moment = lasts * float(rng.uniform(0.15, 1))
            killed += bool(run(command.words(to), moment))
            run(command.words(to))
            found = command.content(to)
            if found != wanted:
                differing = sorted(name for name in {*found, *wanted}
                                   if found.get(name) != wanted.get(name))
                faults.append(f'{command.name}, killed after {moment:.1f} s: '
                              f'{differing[:5]} differ')
            shutil.rmtree(to)
    return killed, faults
