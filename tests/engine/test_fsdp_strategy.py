"""What FSDP2Strategy saves and loads, in one process.

tests/tools trains with it in several.
"""

import copy
import errno
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import FlexibleRunner
from torch.distributed.tensor import DTensor

from mmdbsam.engine import FSDP2Strategy
from mmdbsam.engine.random_batch import random_batch
from mmdbsam.engine.runner import StrategyRunner
from mmdbsam.errors import InputError, WriteError
from mmdbsam.registry import MODELS


@pytest.fixture
def divided(tiny_cfg, tmp_path):
    """A function that makes a strategy with a model of random weights."""
    init_default_scope('mmdbsam')
    torch.distributed.init_process_group(
        'gloo', store=torch.distributed.HashStore(), rank=0, world_size=1)
    cfg = copy.deepcopy(tiny_cfg.model)
    cfg.image_encoder.vit.img_size = 64

    def make(seed, blocks=('image_encoder.vit.layers', )):
        strategy = FSDP2Strategy(blocks, work_dir=str(tmp_path),
                                 experiment_name=f'fsdp{seed}')
        torch.manual_seed(seed)
        strategy.prepare(MODELS.build(cfg), optim_wrapper=dict(
            type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3)))
        return strategy

    yield make
    torch.distributed.destroy_process_group()


def step(strategy):
    """Train a step, so that the optimiser has a state."""
    strategy.model.train_step(random_batch(64, 2, 2), strategy.optim_wrapper)


def test_a_checkpoint_holds_whole_tensors_that_another_can_load(divided,
                                                                tmp_path):
    one, other = divided(0), divided(1)
    assert any(isinstance(p, DTensor) for p in one.model.parameters())
    step(one)
    one.save_checkpoint(str(tmp_path / 'one.pth'),
                        extra_ckpt=dict(meta=dict(iter=1, epoch=0)))
    saved = torch.load(tmp_path / 'one.pth', weights_only=False)
    assert not any(isinstance(value, DTensor)
                   for value in saved['state_dict'].values())
    assert other.resume(str(tmp_path / 'one.pth'))['meta']['iter'] == 1
    for name, value in other.model_state_dict().items():
        torch.testing.assert_close(value, saved['state_dict'][name])
    for number, state in other.optim_state_dict()['state'].items():
        for name, value in state.items():
            torch.testing.assert_close(
                value, saved['optimizer']['state'][number][name])
    # The optimiser computes with what it has been given.
    step(other)


def test_weights_of_a_part_are_loaded_too(divided, tmp_path):
    """As another training does with ``load_from``."""
    strategy = divided(0)
    before = {name: value.clone()
              for name, value in strategy.model_state_dict().items()}
    name = next(name for name in before if name.startswith('mask_head'))
    torch.save(dict(state_dict={name: before[name] + 1,
                                'unknown': torch.zeros(1)}),
               tmp_path / 'part.pth')
    strategy.load_checkpoint(str(tmp_path / 'part.pth'))
    for key, value in strategy.model_state_dict().items():
        torch.testing.assert_close(value, before[key] + (key == name))


def test_can_be_saved_after_a_validation(divided, tmp_path):
    strategy = divided(0)
    model = strategy.model.eval()
    batch = model.data_preprocessor(random_batch(64, 2, 2))
    with torch.no_grad():
        model(**batch, mode='loss')
    strategy.save_checkpoint(str(tmp_path / 'best.pth'), save_optimizer=False)
    assert (tmp_path / 'best.pth').exists()


def test_names_what_is_no_list_of_modules(divided):
    with pytest.raises(InputError, match=r"strategy\.blocks: .*'vit\.blocks'"):
        divided(0, ['vit.blocks'])


def test_a_checkpoint_is_whole_or_absent(tmp_path, monkeypatch):
    """Also where the parts of several processes are put together."""
    def fail(self, out_dir, filename, **kwargs):
        Path(out_dir, filename).write_text('half')
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(FlexibleRunner, 'save_checkpoint', fail)
    runner = StrategyRunner.__new__(StrategyRunner)
    with pytest.raises(WriteError, match='epoch_1.pth: .*No space left'):
        runner.save_checkpoint(str(tmp_path), 'epoch_1.pth')
    assert list(tmp_path.iterdir()) == []


def test_a_work_directory_has_one_training(tmp_path, monkeypatch):
    monkeypatch.setattr(StrategyRunner, 'work_dir', str(tmp_path / 'work'))
    monkeypatch.setattr(FlexibleRunner, 'train', lambda self: self)
    runner = StrategyRunner.__new__(StrategyRunner)
    with subprocess.Popen(
            [sys.executable, '-c', 'import sys; from pathlib import Path; '
             'from mmdbsam.io.locks import locked\n'
             f'with locked(Path({str(tmp_path / "work")!r})):\n'
             '    print(flush=True); sys.stdin.read()'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(InputError, match='nobody else writes to'):
            runner.train()
        other.stdin.close()
    assert runner.train() is runner
