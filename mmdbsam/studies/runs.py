"""A training and its test: where it stands, told by what the tools wrote."""

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

from mmengine.config import Config

from mmdbsam.engine.config import latest_checkpoint, read_config
from mmdbsam.errors import InputError
from mmdbsam.io.atomic import write_text
from mmdbsam.studies.study import Study, Variant

# mmengine's log: Epoch(train) [2][10/91] or Iter(train) [ 10/100].
_STEP = re.compile(
    r'(?:Epoch\(train\) +\[(\d+)\]|Iter\(train\) +)\[ *(\d+)/(\d+)\]')
_LOG_TAIL = 10_000  # bytes, a good many lines


@dataclass(frozen=True, eq=False)
class Run:
    """A variant with a seed.

    There is no record of what is done beside what the tools leave, each
    complete or absent: the latest checkpoint and the report. A run can
    therefore be cut anywhere, and be done by another process.

    Attributes:
        variant: The variant.
        seed: The training's seed.
        folder: Where config, logs, checkpoints and report are.
        cfg: The config, complete.
    """

    variant: Variant
    seed: int
    folder: Path
    cfg: Config

    @property
    def name(self) -> str:
        """For people."""
        return f'{self.variant.name}, seed {self.seed}'

    @property
    def config_file(self) -> Path:
        """The config that the tools are given."""
        return self.folder / f'{self.variant.file_name}.py'

    @property
    def training(self) -> Path:
        """The work directory of the training."""
        return self.folder / 'training'

    @property
    def report(self) -> Path:
        """The test's report."""
        return self.folder / 'report'

    @property
    def checkpoint(self) -> Path:
        """What the training ends with, and the test reads."""
        loop = self.cfg.train_cfg
        name = (f'iter_{loop.max_iters}' if 'max_iters' in loop
                else f'epoch_{loop.max_epochs}')
        return self.training / f'{name}.pth'

    @property
    def is_trained(self) -> bool:
        """Whether the training came to its end."""
        latest = latest_checkpoint(str(self.training))
        return latest is not None and Path(latest).name == self.checkpoint.name

    @property
    def is_tested(self) -> bool:
        """Whether there is a report, which is all of it."""
        return (self.report / 'summary.json').is_file()

    @property
    def costs(self) -> Path:
        """What the model costs, as ``get_flops.py`` writes it."""
        return self.folder / 'costs.json'

    def log(self, tool: str) -> Path:
        """What a tool printed."""
        return self.folder / f'{tool}.log'

    def progress(self) -> float:
        """Which part of it is done, in [0, 1], as far as the log tells.

        The test counts as a tenth.
        """
        if self.is_tested:
            return 1.
        trained = 0.
        if self.log('train').is_file():
            with open(self.log('train'), 'rb') as file:
                file.seek(max(0, file.seek(0, 2) - _LOG_TAIL))
                steps = _STEP.findall(file.read().decode(errors='replace'))
            if steps:
                epoch, step, of = steps[-1]
                trained = int(step) / int(of)
                if epoch:
                    trained = ((int(epoch) - 1 + trained)
                               / self.cfg.train_cfg.max_epochs)
        return 0.9 * trained

    def check(self) -> None:
        """Make sure that what is there was made with the same config.

        Raises:
            InputError: If it was made with another one; names what differs.
        """
        if not self.config_file.is_file():
            if self.is_tested or latest_checkpoint(str(self.training)):
                raise InputError(
                    f'{self.folder}: expected {self.config_file.name} beside '
                    'what was made with it, found none')
            return
        before = _flatten(read_config(str(self.config_file)).to_dict())
        now = _flatten(self.cfg.to_dict())
        missing = object()
        for key in [*now, *before]:
            found, wanted = before.get(key, missing), now.get(key, missing)
            if found != wanted:
                found, wanted = ('not set' if value is missing else
                                 repr(value) for value in (found, wanted))
                raise InputError(
                    f'{self.folder}: was begun with {key}: {found}, which the '
                    f'study now has as {wanted}; choose another --work-dir, '
                    'or remove this folder to run it anew')

    def prepare(self) -> None:
        """Write the config, if it is not there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.config_file.is_file():
            write_text(self.config_file, self.cfg.pretty_text)

    @contextmanager
    def lock(self, on_wait: Any) -> Iterator[int]:
        """Keep other processes from this run, those that a runner left too.

        Args:
            on_wait: Called without arguments if another process has it.

        Yields:
            A file descriptor that holds the lock: a process that inherits it
            keeps the run locked for as long as it lives.
        """
        with open(self.folder / 'lock', 'w') as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file.fileno()


def plan_runs(study: Study, work_dir: Path) -> List[Run]:
    """The runs of a study, all variants of a seed before the next seed.

    Raises:
        InputError: If one of them was begun with another config.
    """
    runs = [
        Run(variant, seed, work_dir / variant.file_name / f'seed_{seed}',
            study.resolve(variant, seed))
        for seed in study.seeds for variant in study.variants
    ]
    for run in runs:
        run.check()
    return runs


def _flatten(value: Any, key: Optional[str] = None) -> Dict[str, Any]:
    """Dicts and lists within each other as one, keys joined by dots."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return {key: value}
    if not value:
        return {key: value}
    flat: Dict[str, Any] = {}
    for name, item in items:
        flat.update(_flatten(item, name if key is None else f'{key}.{name}'))
    return flat
