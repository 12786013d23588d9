"""Trainings on several processes, and trainings that are ended."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from trainings import losses, state

from mmdbsam.engine.run_scalars import read_scalars

NO_TESTS = ['val_cfg=None', 'val_dataloader=None', 'val_evaluator=None',
            'default_hooks.checkpoint.save_best=None', 'sync_bn=None']
STRATEGIES = {
    'DDP': [],
    'FSDP2': ['strategy.type=mmdbsam.FSDP2Strategy',
              'strategy.blocks=[image_encoder.vit.layers]',
              'model.image_encoder.with_cp=True']}
EQUAL = ['max_epochs=2', 'train_cfg.val_begin=2', 'sync_bn=None',
         'optim_wrapper.accumulative_counts=2',
         'optim_wrapper.clip_grad.max_norm=0.1',
         # Otherwise AdamW makes whole steps of gradients that are rounding
         # errors.
         'optim_wrapper.optimizer.eps=1e-3',
         # Otherwise the last batch is padded to the number of ranks.
         'train_dataloader.drop_last=True']


@pytest.fixture
def on_two(tool, free_port):
    """A training's command on two processes, of one machine or of two."""

    def command(*args, options, machines=1):
        _, _, config, *rest = tool('train', *args, options=options)
        words = ['env', f'PYTHON={sys.executable}', f'MASTER_PORT={free_port}',
                 f'NNODES={machines}', 'tools/dist_train.sh', config,
                 str(2 // machines), *rest]
        if machines == 1:
            return words
        return ['bash', '-c', 'NODE_RANK=1 "$@" & NODE_RANK=0 "$@" && '
                'wait "$!"', 'bash', *words]

    return command


@pytest.fixture(scope='module')
def one(tool, run_command, tmp_path_factory):
    """The work directory of a training on one process."""
    folder = tmp_path_factory.mktemp('one')
    run_command(tool('train', '--work-dir', folder, options=EQUAL))
    return folder


@pytest.mark.parametrize('kind, machines', [('DDP', 2), ('FSDP2', 1)])
def test_two_processes_equal_one(on_two, one, run_command, tmp_path, kind,
                                 machines):
    """They have its losses, scores, weights and moments."""
    command = on_two('--resume', '--work-dir', tmp_path, machines=machines,
                     options=[*EQUAL, 'batch_size=2', *STRATEGIES[kind]])
    run_command(command)
    wanted, found = losses(one), losses(tmp_path)
    assert len(wanted) > 2 and found.keys() == wanted.keys()
    for step, loss in wanted.items():
        assert found[step] == pytest.approx(loss, rel=1e-5)
    (score, ), (other, ) = ([row['DSC'] for row in read_scalars(folder)
                             if 'DSC' in row] for folder in (one, tmp_path))
    assert other == pytest.approx(score, abs=1e-3)
    ours, theirs = (folder / 'epoch_2.pth' for folder in (tmp_path, one))
    weights = state(ours)
    for name, value in state(theirs).items():
        torch.testing.assert_close(weights[name], value, rtol=1e-5, atol=1e-5)
    moments = state(ours, 'optimizer')
    for number, values in state(theirs, 'optimizer')['state'].items():
        torch.testing.assert_close(moments['state'][number]['exp_avg'],
                                   values['exp_avg'], rtol=1e-4, atol=1e-5)
    assert 'resumed epoch: 2' in run_command(command)


def wait_for(process, condition):
    """Wait until a training has come so far."""
    while not condition():
        assert process.poll() is None, process.stdout.read()[-3000:]
        time.sleep(0.01)


@pytest.mark.parametrize('processes, kind', [(1, 'DDP'), (2, 'FSDP2')])
def test_a_signal_saves_within_an_epoch(tool, on_two, run_command, tmp_path,
                                        repo_root, processes, kind):
    """What is resumed then is the uninterrupted training."""
    options = [*NO_TESTS, *STRATEGIES[kind], 'max_epochs=2', 'batch_size=1',
               'custom_hooks.SignalCheckpointHook.interval=1',
               'model.image_encoder.neck.dropout=0.1']

    def command(folder):
        args = ('--resume', '--work-dir', tmp_path / folder)
        if processes == 2:
            return on_two(*args, options=options)
        return tool('train', *args, options=options)

    run_command(command('whole'))
    whole = losses(tmp_path / 'whole')
    steps = len(whole) // 2
    process = subprocess.Popen(command('cut'), cwd=repo_root, text=True,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    wait_for(process, lambda: losses(tmp_path / 'cut'))
    tell(process, processes)
    output, _ = process.communicate(timeout=120)
    saved, = (tmp_path / 'cut').glob('signal_iter_*.pth')
    assert int(saved.stem.split('_')[-1]) % steps, 'not within an epoch'
    if processes == 1:
        assert process.returncode == 75
    assert 'SIGUSR1: saved the training at iteration' in output
    assert f'epoch: 0, iter: {saved.stem.split("_")[-1]}' \
        in run_command(command('cut'))
    resumed = losses(tmp_path / 'cut')
    assert steps > 2 and resumed.keys() == whole.keys()
    for step, loss in whole.items():
        assert resumed[step] == pytest.approx(loss, rel=1e-6)


def tell(process, processes):
    """Send the signal to the training, or to one of its two processes."""
    number = process.pid
    if processes == 2:
        number = children(number)[-1]
    os.kill(number, signal.SIGUSR1)


def children(number):
    """The processes that a process has started."""
    found = subprocess.run(['pgrep', '-P', str(number)], capture_output=True,
                           text=True).stdout
    return [int(word) for word in found.split()]


def test_a_killed_process_ends_the_other_in_one_line(tool, free_port,
                                                     tmp_path, repo_root):
    command = tool('train', '--work-dir', tmp_path, '--launcher', 'pytorch',
                   options=[*NO_TESTS, 'max_epochs=1000', 'batch_size=1'])
    first, second = [subprocess.Popen(
        command, cwd=repo_root, text=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, env={
            **os.environ, 'RANK': rank, 'LOCAL_RANK': rank, 'WORLD_SIZE': '2',
            'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': str(free_port)})
        for rank in ('0', '1')]
    try:
        while not losses(tmp_path):
            assert first.poll() is None, first.stderr.read()[-3000:]
            time.sleep(0.01)
        second.kill()
        _, errors = first.communicate(timeout=60)
    finally:
        first.kill()
        second.kill()
    assert first.returncode == 1
    assert 'Traceback' not in errors
    assert errors.splitlines()[-1].startswith(
        'error: process 0 of 2: another process of this training has ended')


def test_a_strategy_needs_several_processes(tool, tmp_path, repo_root):
    done = subprocess.run(
        tool('train', '--work-dir', tmp_path, options=STRATEGIES['FSDP2']),
        cwd=repo_root, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        'error: strategy: expected several processes')
