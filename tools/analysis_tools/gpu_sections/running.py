"""A training by the command line, and how long it waits for data."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmark_encoder import ROOT

from gpu_sections.measuring import Row, Section, Settings, guarded


def train(config: str, folder: Path, limit: float, *words: str) -> Row:
    """Train in a few seconds, and read the times of its steps from the log."""
    done = subprocess.run(
        [sys.executable, str(ROOT / 'tools/train.py'), str(ROOT / config),
         '--work-dir', str(folder), *words],
        capture_output=True, text=True, timeout=limit)
    if done.returncode:
        raise RuntimeError(done.stderr[-250:])
    log, = folder.glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [line for line in lines if 'data_time' in line]
    # The first steps compile kernels and start the workers.
    late = steps[len(steps) // 2:]
    found = {key: median(line[key] for line in late)
             for key in ('time', 'data_time', 'loss')}
    return {'s a step': found['time'], 's waiting': found['data_time'],
            'share waiting': found['data_time'] / found['time'],
            'loss': found['loss'], 'memory, MB': late[-1].get('memory')}


def run(settings: Settings) -> Section:
    """Yield a row a precision."""
    config = ('tests/data/dbsam_tiny_spine.py' if settings.quick
              else 'configs/dbsam_vitb_ct.py')
    options = ['max_epochs=1' if settings.quick else 'max_epochs=2',
               'val_cfg=None', 'val_dataloader=None', 'val_evaluator=None',
               'model.pretrained=None', 'default_hooks.logger.interval=1',
               'default_hooks.checkpoint.interval=100',
               'default_hooks.checkpoint.save_last=False',
               'default_hooks.checkpoint.save_best=None']
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary, 'data')
        subprocess.run(
            [sys.executable, str(ROOT / 'tools/prepare_data.py'),
             str(ROOT / 'tests/data/ct_spine'), str(data), '--min-volume',
             '0', '--min-area', '0'],
            check=True, capture_output=True)
        for name, words in (('bfloat16', ['--amp', 'force']),
                            ('float32', [])):
            yield guarded({'config': Path(config).stem, 'type': name},
                          lambda: train(config, Path(temporary, name),  # noqa
                                        settings.left + 5, *words,  # noqa
                                        '--cfg-options',
                                        f'data_root={data}', *options))
