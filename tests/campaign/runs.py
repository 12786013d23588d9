"""Damages inputs of every subject, and counts the verdicts."""

import shutil
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from campaign.damage import damaged
from campaign.subjects import Subject, summary_of
from campaign.trial import Verdict, attempt


@dataclass(frozen=True)
class Trial:
    """A damaged input and what came of it.

    Attributes:
        subject: The kind of input.
        seed: The number of the damage, which makes it again.
        what: The file and the kind of the damage.
        verdict: How it ended.
    """

    subject: str
    seed: int
    what: str
    verdict: Verdict

    def __str__(self) -> str:
        """The trial in a line, with the last words of a fault."""
        text = self.verdict.text.strip().splitlines() or ['']
        return (f'{self.subject} #{self.seed}, {self.what}: '
                f'{self.verdict.kind}: {text[-1][:300]}')


def trials(subject: Subject, seeds: range) -> Iterator[Trial]:
    """Damage a subject's files in different ways.

    Args:
        subject: The kind of input.
        seeds: A number for each damage.

    Raises:
        AssertionError: If the healthy files cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix='campaign') as place:
        healthy, folder = Path(place, 'healthy'), Path(place, 'trial')
        folder.mkdir()
        # This process's libraries must not start threads, which forked
        # processes do not have.
        made = attempt(lambda: subject.make(folder), folder)
        assert made.kind == 'other', f'{subject.name}: {made.text}'
        folder.rename(healthy)
        whole = _read(subject, healthy, folder)
        assert whole.kind == 'other', f'{subject.name}: {whole.text}'
        for seed in seeds:
            yield _trial(subject, seed, healthy, whole, Path(place))


def _trial(subject: Subject, seed: int, healthy: Path, whole: Verdict,
           place: Path) -> Trial:
    rng = np.random.default_rng([seed, zlib.crc32(subject.name.encode())])
    files = sorted(path.relative_to(healthy) for path in healthy.rglob('*')
                   if path.is_file() and path.stat().st_size)
    file = files[rng.integers(len(files))]
    how, content = damaged((healthy / file).read_bytes(), file.suffix, rng)
    before = sorted(place.rglob('*'))
    verdict = _read(subject, healthy, place / 'trial', file, content)
    if verdict.kind == 'other':
        if verdict.value == whole.value:
            verdict = replace(verdict, kind='right')
        elif subject.sealed:
            verdict = replace(verdict, kind='wrong')
    if sorted(place.rglob('*')) != before:
        verdict = Verdict('outside', 'files outside of the folder')
    return Trial(subject.name, seed, f'{file}: {how}', verdict)


def _read(subject: Subject, healthy: Path, folder: Path,
          file: Path | None = None, content: bytes = b'') -> Verdict:
    """Read a copy of the healthy files, of which one may be damaged."""
    shutil.copytree(healthy, folder)
    if file is not None:
        (folder / file).write_bytes(content)
    before = {path for path in folder.rglob('*')}
    try:
        verdict = attempt(lambda: summary_of(subject.read(folder)), folder)
        left = [path for path in folder.rglob('*')
                if path not in before
                and path.name.startswith(('.', 'mmdbsam.'))]
        if left and verdict.kind in ('line', 'other'):
            return Verdict('half-written', str(left))
        return verdict
    finally:
        shutil.rmtree(folder)


def table(found: list[Trial]) -> str:
    """A table in Markdown of what the trials of each subject came to."""
    kinds = ('line', 'right', 'other')
    lines = ['| input | tried | one line | right result | what the damaged '
             'file says | faults |', '|---|---|---|---|---|---|']
    names = list(dict.fromkeys(trial.subject for trial in found))
    for name in (*names, 'all'):
        chosen = [trial for trial in found if name in (trial.subject, 'all')]
        counts = Counter(trial.verdict.kind for trial in chosen)
        faults = len(chosen) - sum(counts[kind] for kind in kinds)
        lines.append(f'| {name} | {len(chosen)} | ' + ' | '.join(
            str(counts[kind]) for kind in kinds) + f' | {faults} |')
    return '\n'.join(lines)
