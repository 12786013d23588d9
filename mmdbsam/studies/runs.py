"""A training and its test, whose state is read from what the tools wrote."""

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
_LOG_TAIL = 10_000  # in bytes, which hold a good many lines


@dataclass(frozen=True, eq=False)
class Run:
    """A variant with a seed.

    The only record of its state is what the tools write, the checkpoints and
    the report, each of which is complete or absent. A run can therefore be
    interrupted anywhere, and be continued by another process.

    Attributes:
        variant: The variant.
        seed: The training's seed.
        folder: The folder of the config, the logs, the checkpoints and the
            report.
        cfg: The complete config.
    """

    variant: Variant
    seed: int
    folder: Path
    cfg: Config

    @property
    def name(self) -> str:
        """The name of the run in messages."""
        return f'{self.variant.name}, seed {self.seed}'

    @property
    def config_file(self) -> Path:
        """The file of the config that the tools are given."""
        return self.folder / f'{self.variant.file_name}.py'

    @property
    def training(self) -> Path:
        """The work directory of the training."""
        return self.folder / 'training'

    @property
    def report(self) -> Path:
        """The folder of the test's report."""
        return self.folder / 'report'

    @property
    def checkpoint(self) -> Path:
        """The last checkpoint of the training, which the test reads."""
        loop = self.cfg.train_cfg
        name = (f'iter_{loop.max_iters}' if 'max_iters' in loop
                else f'epoch_{loop.max_epochs}')
        return self.training / f'{name}.pth'

    @property
    def is_trained(self) -> bool:
        """Whether the training has come to its end."""
        latest = latest_checkpoint(str(self.training))
        return latest is not None and Path(latest).name == self.checkpoint.name

    @property
    def is_tested(self) -> bool:
        """Whether there is a report, which is written last."""
        return (self.report / 'summary.json').is_file()

    @property
    def costs(self) -> Path:
        """The file of the model's costs, which ``mmdbsam flops`` writes."""
        return self.folder / 'costs.json'

    def log(self, tool: str) -> Path:
        """Return the log of a tool's output."""
        return self.folder / f'{tool}.log'

    def progress(self) -> float:
        """Return the share of the run that is done, in [0, 1].

        It is read from the training's log; the test counts as a tenth.
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
        """Make sure that earlier results were made with the same config.

        Raises:
            InputError: If they were made with another config; the message
                names what differs.
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
        """Write the config, if it is not there yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.config_file.is_file():
            write_text(self.config_file, self.cfg.pretty_text)

    @contextmanager
    def lock(self, on_wait: Any) -> Iterator[int]:
        """Lock the run against other processes, also those left behind.

        Args:
            on_wait: A function that is called, without arguments, if another
                process has the lock.

        Yields:
            int: A file descriptor that holds the lock. A process that inherits
            it keeps the run locked for as long as it lives.
        """
        with open(self.folder / 'lock', 'w') as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file.fileno()


def plan_runs(study: Study, work_dir: Path) -> List[Run]:
    """List the runs of a study, all variants of a seed before the next seed.

    Raises:
        InputError: If a run was begun with another config.
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
    """Flatten nested dicts and lists to one dict with dotted keys."""
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
