"""tools/test.py: prompts, and several processes."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdbsam.datasets import PromptSliceDataset
from mmdbsam.errors import InputError
from mmdbsam.models.segmentors import PromptSegmentor
from mmdbsam.registry import MODELS

CONFIG = 'tests/data/dbsam_tiny_spine.py'
BLOCKS = ('adapter', 'stem', 'neck', 'fusion', 'norm')
# Without these blocks the tiny model is fast.
PLAIN = [f'model.image_encoder.{block}=None' for block in BLOCKS]


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory, repo_root):
    """A checkpoint of the tiny model with random weights."""
    init_default_scope('mmdbsam')
    torch.manual_seed(0)
    cfg = Config.fromfile(repo_root / CONFIG)
    cfg.model.image_encoder.update(dict.fromkeys(BLOCKS))
    model = MODELS.build(cfg.model)
    path = tmp_path_factory.mktemp('weights') / 'tiny.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


@pytest.fixture
def evaluate(command, repo_root, prepared_spine, checkpoint, tmp_path,
             monkeypatch):
    """A function that tests in this process and returns the report's folder.
    """
    def run(name, *options, config=CONFIG):
        monkeypatch.chdir(repo_root)
        command('test', config, checkpoint, '--work-dir', tmp_path / 'work',
                '--report', tmp_path / name, '--cfg-options',
                f'data_root={prepared_spine}', *PLAIN, *options)
        return tmp_path / name

    return run


@pytest.mark.parametrize('prompt', ['tight', 'point'])
@pytest.mark.parametrize('words, wanted', [
    ([], torch.float32), (['--amp', 'force'], torch.bfloat16)])
def test_the_model_computes_in_the_precision_of_the_report(
        evaluate, monkeypatch, prompt, words, wanted):
    """mmengine's loop has a context of its own around the model."""
    seen = set()
    encode = PromptSegmentor.encode_image

    def spy(model, images):
        embedding = encode(model, images)
        seen.add(embedding.dtype)
        return embedding

    monkeypatch.setattr(PromptSegmentor, 'encode_image', spy)
    report = evaluate('report', '--prompt', prompt, *words)
    assert seen == {wanted}
    assert summary(report)['provenance']['precision'] == str(
        wanted).removeprefix('torch.')


def test_a_place_without_room_for_the_report_is_refused_before_the_test(
        evaluate, monkeypatch, tmp_path):
    monkeypatch.setattr(PromptSegmentor, 'encode_image',
                        lambda model, images: pytest.fail('it was tested'))
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='file/report: expected a place to '
                       'write to'):
        evaluate('file/report')


def rows(report):
    with (report / 'cases.csv').open(newline='') as file:
        return list(csv.DictReader(file))


def summary(report):
    return json.loads((report / 'summary.json').read_text())


@pytest.fixture
def encoded(monkeypatch):
    """The numbers of encoded images, in a list that grows."""
    sizes = []
    encode = PromptSegmentor.encode_image

    def counting(model, images):
        sizes.append(len(images))
        return encode(model, images)

    monkeypatch.setattr(PromptSegmentor, 'encode_image', counting)
    return sizes


def test_draws_are_rows_with_a_spread(evaluate, encoded):
    tight, slices = evaluate('tight', '--prompt', 'tight'), len(encoded)
    assert summary(tight)['spread'] == {}
    encoded.clear()
    drawn = evaluate('drawn', '--prompt', 'jitter:6x3')
    assert len(encoded) == slices
    again = evaluate('again', '--prompt', 'jitter:6x3')
    assert (again / 'cases.csv').read_bytes() == (
        drawn / 'cases.csv').read_bytes()
    found, protocol = summary(drawn), summary(drawn)['protocol']
    assert protocol['prompt'] == ('one box a label and slice, each side 0 to '
                                  '6 px outwards at random, 3 draws')
    assert protocol['draws'] == 3 and protocol['box_shift_px'] == [0, 6]
    for method in ('model', 'box', 'ellipse'):
        means = [np.mean([float(row['DSC']) for row in rows(drawn)
                          if (row['method'], row['draw']) == (method, draw)])
                 for draw in '012']
        assert len(set(means)) == 3
        assert found['spread'][method]['DSC'] == pytest.approx(
            np.std(means, ddof=1))
        assert found['scores'][method]['DSC'] == pytest.approx(
            np.mean(means))
        assert found['scores'][method]['n'] == summary(
            tight)['scores'][method]['n']
    assert ' ± ' in (drawn / 'report.md').read_text()


def test_clicks_have_no_baselines(evaluate, encoded, prepared_spine):
    reports = {text: evaluate(text, '--prompt', text)
               for text in ('point', 'clicks:3')}
    slices = len(PromptSliceDataset(prepared_spine, 'test', [], min_area=1))
    # One encoding a slice serves all clicks.
    assert encoded == [1] * (2 * slices)
    for report in reports.values():
        assert set(summary(report)['scores']) == {'model'}
        assert summary(report)['protocol']['box_shift_px'] == []
    assert 'a point in the centre' in (
        reports['point'] / 'report.md').read_text()
    assert '3 clicks a label' in (reports['clicks:3'] /
                                  'report.md').read_text()
    assert rows(reports['point']) != rows(reports['clicks:3'])


def test_augmentation_by_the_identity_changes_no_score(
        evaluate, recipe_folder):
    recipe = recipe_folder / 'recipes/dbsam_tinyvit_tta_ct.py'
    plain = evaluate('plain', config=recipe)
    flipped = evaluate('flipped', '--tta', config=recipe)
    views = ("[dict(type='RandomFlip', prob=0.),",
             "[dict(type='RandomFlip', prob=0.)] or [")
    text = recipe.read_text()
    assert views[0] in text
    recipe.write_text(text.replace(*views))
    alone = evaluate('alone', '--tta', config=recipe)
    assert (alone / 'cases.csv').read_bytes() == (
        plain / 'cases.csv').read_bytes()
    assert rows(flipped) != rows(plain)
    assert summary(flipped)['provenance']['test_time_augmentation'] is True
    assert 'test time augmentation' in (flipped / 'report.md').read_text()
    assert 'test_time_augmentation' not in summary(plain)['provenance']


def test_augmentation_needs_a_config_for_it(evaluate):
    with pytest.raises(InputError, match='--tta: expected a config with tta'):
        evaluate('report', '--tta')


def test_one_box_a_structure(evaluate):
    report = evaluate('box3d', '--prompt', 'box3d')
    protocol = summary(report)['protocol']
    assert protocol['prompt'] == 'one 3-D box a label and block of slices'
    low, high = protocol['box_shift_px']
    assert low == 0 < high


@pytest.mark.parametrize('text', ['loose', 'shift', 'shift:0', 'shift:1.5',
                                  'jitter:20x0', 'clicks:-1', 'tight:3'])
def test_another_prompt_is_refused(evaluate, text):
    with pytest.raises(InputError, match='--prompt: expected tight, shift:PX, '
                       f'jitter.*found .{text}'):
        evaluate('report', '--prompt', text)


def test_the_process_group_ends_before_the_interpreter(repo_root, tmp_path,
                                                         free_port):
    """gloo's threads abort some of the processes that leave it to exit."""
    code = f"""
import atexit
import torch.distributed as dist
from mmengine.config import Config
from mmdbsam.engine.runner import build_runner
atexit.register(lambda: print('left:', not dist.is_initialized()))
cfg = Config.fromfile({CONFIG!r})
cfg.update(launcher='pytorch', work_dir={str(tmp_path)!r}, sync_bn=None)
build_runner(cfg)
print('joined:', dist.is_initialized())
"""
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=repo_root, text=True,
        capture_output=True,
        env={**os.environ, 'PYTHONPATH': str(repo_root), 'RANK': '0',
             'WORLD_SIZE': '1', 'LOCAL_RANK': '0', 'MASTER_ADDR': '127.0.0.1',
             'MASTER_PORT': str(free_port), 'CUDA_VISIBLE_DEVICES': ''})
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.endswith('joined: True\nleft: True\n')


def test_two_processes_report_what_one_does(repo_root, checkpoint,
                                            prepared_spine, tmp_path,
                                            free_port):
    """One slice is missing, so that the last batch is padded."""
    min_area = next(
        area for area in range(1, 2000) if len(PromptSliceDataset(
            prepared_spine, 'test', [], min_area=area)) % 2)
    model = [CONFIG, str(checkpoint)]
    for name, command in (
            ('one', [sys.executable, 'tools/test.py', *model]),
            ('two', ['tools/dist_test.sh', *model, '2'])):
        done = subprocess.run(
            [*command, '--report', str(tmp_path / name),
             '--show-dir', str(tmp_path / f'{name}_shown'),
             '--work-dir', str(tmp_path / 'work'), '--prompt', 'jitter:5x2',
             '--cfg-options', f'data_root={prepared_spine}', *PLAIN,
             'sync_bn=None', f'test_dataloader.dataset.min_area={min_area}'],
            cwd=repo_root, capture_output=True, text=True,
            # torch's sums depend on the number of threads.
            env={**os.environ, 'PYTHONPATH': str(repo_root),
                 'PYTHON': sys.executable, 'MASTER_PORT': str(free_port),
                 'OMP_NUM_THREADS': '1'})
        assert done.returncode == 0, done.stderr[-2000:]
    one, two = tmp_path / 'one', tmp_path / 'two'
    assert (one / 'cases.csv').read_bytes() == (
        two / 'cases.csv').read_bytes()
    for name in ('best', 'median', 'worst'):
        assert (one / f'overlays/{name}.png').read_bytes() == (
            two / f'overlays/{name}.png').read_bytes()
    shown = {path.name: path.read_bytes()
             for path in tmp_path.glob('one_shown/*')}
    assert len(shown) % 2 and shown == {
        path.name: path.read_bytes() for path in tmp_path.glob('two_shown/*')}
    first, second = summary(one), summary(two)
    for made in (first, second):
        # The launcher is a key of the config.
        for key in ('wall_time_s', 'config_text'):
            assert made['provenance'].pop(key)
        assert made.pop('created')
    assert first == second
    assert first['volumes'] == first['scores']['model']['n'] > 0


def test_slurm_gets_a_task_a_gpu(repo_root, tmp_path):
    """What srun, here one that prints its arguments, is asked for."""
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    srun.chmod(0o755)
    done = subprocess.run(
        [repo_root / 'tools/slurm_test.sh', 'part', 'job', 'a b.py', 'c.pth',
         '--report', 'r'], text=True, capture_output=True,
        env={'PATH': f'{tmp_path}{os.pathsep}{os.environ["PATH"]}',
             'GPUS': '4', 'GPUS_PER_NODE': '2', 'PYTHON': 'python3',
             'SRUN_ARGS': '--mem 1G'})
    asked, words = done.stdout.split('python3\n')
    assert {'--partition=part', '--job-name=job', '--ntasks=4',
            '--gres=gpu:2', '--ntasks-per-node=2', '--mem',
            '1G'} < set(asked.split())
    assert words.splitlines() == [
        '-u', f'{repo_root}/tools/test.py', 'a b.py', 'c.pth', '--launcher',
        'slurm', '--report', 'r']
