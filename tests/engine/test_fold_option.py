"""Training and testing on folds of patients."""

import json
import shutil

import pytest

from mmdbsam.datasets import PromptSliceDataset
from mmdbsam.engine.config import apply_options
from mmdbsam.engine.fold_option import number_of_folds, set_fold
from mmdbsam.errors import InputError


def cases_of(dataset):
    return {(task, case.name) for task, case, *_ in dataset.slices}


def test_a_fold_is_held_out(tiny_cfg, folded_spine):
    apply_options(tiny_cfg, dict(data_root=str(folded_spine)))
    assert number_of_folds(tiny_cfg) == 2
    set_fold(tiny_cfg, 0)
    found = {name: {case for _, case in cases_of(PromptSliceDataset(
        part.data_root, part.split, [], 1))} for name, part in (
            ('train', tiny_cfg.train_dataloader.dataset),
            ('val', tiny_cfg.val_dataloader.dataset),
            ('test', tiny_cfg.test_dataloader.dataset))}
    assert found == dict(train={'p1'}, val={'p0', 'p2'}, test={'p0', 'p2'})
    for evaluator in (tiny_cfg.val_evaluator, tiny_cfg.test_evaluator):
        assert evaluator.split == 'fold_0'
        assert evaluator.data_root == str(folded_spine)


def test_a_set_without_folds_is_trained_on_in_each(
        tiny_cfg, folded_spine, prepared_spine, tmp_path):
    shutil.copytree(folded_spine, tmp_path / 'folded')
    shutil.copytree(prepared_spine, tmp_path / 'plain')
    path = tmp_path / 'plain/dataset.json'
    path.write_text(json.dumps(dict(json.loads(path.read_text()),
                                    name='plain')))
    apply_options(tiny_cfg, dict(data_root=str(tmp_path)))
    set_fold(tiny_cfg, 1)
    part = tiny_cfg.train_dataloader.dataset
    assert cases_of(PromptSliceDataset(part.data_root, part.split, [], 1)) == {
        ('spine', 'p0'), ('spine', 'p2'), ('plain', 'lumbar')}
    part = tiny_cfg.test_dataloader.dataset
    assert cases_of(PromptSliceDataset(part.data_root, part.split, [], 1)) == {
        ('spine', 'p1')}


def test_what_has_no_such_fold(tiny_cfg, folded_spine, prepared_spine,
                               command):
    apply_options(tiny_cfg, dict(data_root=str(folded_spine)))
    with pytest.raises(InputError, match='--fold: expected 0 to 1, as the '
                       'data have 2 folds, found 2'):
        set_fold(tiny_cfg, 2)
    with pytest.raises(InputError, match='it holds fold_0: 8 slices, fold_1: '
                       '4 slices, test: 4 slices; choose a fold with'):
        PromptSliceDataset(folded_spine, 'train', [], 1)
    apply_options(tiny_cfg, dict(data_root=str(prepared_spine)))
    with pytest.raises(InputError, match='expected data in folds, found none; '
                       'split them with mmdbsam prepare --folds'):
        set_fold(tiny_cfg, 0)
