"""The configs of configs/recipes do what they say."""

import pytest
import torch
from mmengine.config import Config

from mmdbsam.engine.run_scalars import read_scalars
from mmdbsam.errors import InputError

NO_VALIDATION = ['val_cfg=None', 'val_dataloader=None', 'val_evaluator=None',
                 'default_hooks.checkpoint.save_best=None']


@pytest.fixture
def plain(train, recipe_folder, tmp_path):
    """A training without a recipe."""
    return train(recipe_folder / 'dbsam_tinyvit_ct.py', tmp_path / 'plain',
                 options=NO_VALIDATION)


@pytest.fixture
def recipe(recipe_folder):
    """The path of a recipe."""
    return lambda name: recipe_folder / f'recipes/dbsam_tinyvit_{name}_ct.py'


def checkpoint(work_dir, epoch=1):
    return torch.load(work_dir / f'epoch_{epoch}.pth', weights_only=False)


def rates(work_dir):
    return {row['iter']: row['lr'] for row in read_scalars(work_dir)
            if 'lr' in row}


def test_ema_averages_the_weights_of_the_same_training(
        train, recipe, plain, tmp_path):
    averaged = checkpoint(train(recipe('ema'), tmp_path / 'ema',
                                options=NO_VALIDATION))
    trained = checkpoint(plain)['state_dict']
    # Beside the averages, mmengine keeps the weights that were averaged.
    kept = averaged['ema_state_dict']
    assert all(torch.equal(kept[f'module.{key}'], value)
               for key, value in trained.items())
    moved = [key for key, value in averaged['state_dict'].items()
             if not torch.equal(value, trained[key])]
    assert len(moved) > 20


def test_early_stopping_ends_a_training(train, recipe, tmp_path):
    hook = 'default_hooks.early_stopping'
    # A DSC cannot rise by one.
    work_dir = train(recipe('early_stopping'), tmp_path / 'run', options=[
        f'{hook}.patience=1', f'{hook}.min_delta=1'])
    assert (work_dir / 'epoch_2.pth').exists()
    assert not (work_dir / 'epoch_3.pth').exists()
    assert list(work_dir.glob('*/curves.png'))


def test_the_learning_rate_follows_the_batch_size(
        train, recipe, recipe_folder, plain, tmp_path):
    """The tiny config has batches of 4, but its rate is meant for 2."""
    by_config = train(recipe('1xb4'), tmp_path / 'config',
                      options=NO_VALIDATION)
    by_option = train(recipe_folder / 'dbsam_tinyvit_ct.py',
                      tmp_path / 'option', '--auto-scale-lr',
                      options=NO_VALIDATION)
    wanted = {step: pytest.approx(2 * rate)
              for step, rate in rates(plain).items()}
    assert wanted and rates(by_config) == rates(by_option) == wanted


def test_scaling_needs_a_batch_size(train, recipe_folder, tmp_path):
    with pytest.raises(InputError, match='--auto-scale-lr: expected'):
        train(recipe_folder / 'dbsam_tinyvit_ct.py', tmp_path,
              '--auto-scale-lr', options=['auto_scale_lr=None'])


def test_learning_rates_are_meant_for_the_configs_own_batches(repo_root):
    """The only exception is a config that scales its rate by itself."""
    for path in (repo_root / 'configs').rglob('*.py'):
        if not {'_base_', 'studies'} & set(path.parts):
            cfg = Config.fromfile(path)
            if not cfg.train_dataloader:  # zero-shot
                continue
            assert cfg.auto_scale_lr.enable or (
                cfg.auto_scale_lr.base_batch_size
                == cfg.train_dataloader.batch_size), path
