"""Runs are done once, whatever is killed, on tools that take no time."""

import os
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from mmdbsam.errors import InputError
from mmdbsam.studies import (
    StudyProgress,
    Tools,
    device_environments,
    execute,
    plan_runs,
    read_study,
    slurm_commands,
)

# It stops after the first of two epochs while there is a file "hold".
TRAIN = """
import os, pathlib, sys, time
work = pathlib.Path(sys.argv[sys.argv.index('--work-dir') + 1])
work.mkdir(exist_ok=True)
variant = pathlib.Path(sys.argv[1]).stem
if variant == 'broken':
    print('Traceback (most recent call last):')
    print('mmdbsam.errors.InputError: no such data')
    sys.exit('resource_tracker: there appear to be leaked objects')
if variant == 'killed':
    os.kill(os.getpid(), 9)
if variant == 'nothing':
    sys.exit()
print('threads', os.environ.get('OMP_NUM_THREADS'))
for epoch in (1, 2):
    while pathlib.Path('hold').exists() and epoch == 2:
        time.sleep(0.01)
    checkpoint = work / f'epoch_{epoch}.pth'
    checkpoint.touch()
    (work / 'last_checkpoint').write_text(str(checkpoint))
    print(f'INFO - Epoch(train) [{epoch}][10/10]  loss: 1', flush=True)
"""
# The command mmdbsam, as far as a study needs it.
FAKE = """
import runpy, sys
name = sys.argv.pop(1)
runpy.run_path(f'{name}.py')
"""
PROGRAM = (sys.executable, 'fake.py')
TEST = """
import pathlib, sys
assert pathlib.Path(sys.argv[2]).name == 'epoch_2.pth'
report = pathlib.Path(sys.argv[sys.argv.index('--report') + 1])
report.mkdir()
(report / 'summary.json').touch()
"""
# It says when it began and ended.
FLOPS = """
import pathlib, sys, time
begun = time.monotonic()
time.sleep(0.5)
with open('measured', 'a') as file:
    print(begun, time.monotonic(), file=file)
pathlib.Path(sys.argv[sys.argv.index('--json') + 1]).touch()
"""
MEASURER = """
import sys
from pathlib import Path
from rich.console import Console
from mmdbsam.studies import *
runs = plan_runs(read_study(sys.argv[1], {}, False), Path(sys.argv[2]))
with StudyProgress(runs, Console()) as progress:
    measure_costs(runs, Tools(False, (sys.executable, 'fake.py')), progress)
"""
RUNNER = """
import sys
from pathlib import Path
from rich.console import Console
from mmdbsam.studies import *
runs = plan_runs(read_study(sys.argv[1], {}, False), Path('work').resolve())
with StudyProgress(runs, Console()) as progress:
    execute(runs, Tools(False, (sys.executable, 'fake.py')), [{}], progress)
"""
NAMES = "variants = [dict(name={!r}, options={{'batch_size': 2}}), " \
    "dict(name={!r}, options={{}})]"


@pytest.fixture
def plan(write_study, tmp_path, monkeypatch):
    """A study of two variants with these names, with the tools beside it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'fake.py').write_text(FAKE)
    (tmp_path / 'train.py').write_text(TRAIN)
    (tmp_path / 'test.py').write_text(TEST)

    def plan(first='first', second='second', **options):
        path = write_study(NAMES.format(first, second), epochs=2, **options)
        return plan_runs(read_study(path, {}, False), tmp_path / 'work')

    return plan


def run_all(runs, environments=({}, )):
    console = Console(record=True, width=160)
    with StudyProgress(runs, console) as progress:
        failures = execute(runs, Tools(False, PROGRAM), environments,
                           progress)
    return failures, console.export_text()


def test_runs_are_done_once(plan):
    runs = plan(seeds=(3, 5))
    assert [run.name for run in runs] == ['first, seed 3', 'second, seed 3',
                                          'first, seed 5', 'second, seed 5']
    failures, text = run_all(runs)
    assert not failures and all(run.is_tested for run in runs)
    assert all(run.progress() == 1 for run in runs)
    assert '[4/4] second, seed 5: done' in text and ' left' in text
    run_all(runs)
    for run in runs:
        assert run.log('train').read_text().count('fake.py train') == 1
        assert run.log('test').read_text().count('fake.py test') == 1


def test_costs_are_measured_one_after_the_other(plan, tmp_path, repo_root):
    """By two studies at once too, which would slow each other down."""
    (tmp_path / 'flops.py').write_text(FLOPS)
    plan()
    works = [tmp_path / 'one', tmp_path / 'other']
    for work in works:
        run_all(plan_runs(read_study('tiny_study.py', {}, False), work))
    studies = [subprocess.Popen(
        [sys.executable, '-c', MEASURER, 'tiny_study.py', work],
        env={**os.environ, 'PYTHONPATH': str(repo_root),
             'TMPDIR': str(tmp_path)}) for work in works]
    assert [study.wait() for study in studies] == [0, 0]
    assert len(list(tmp_path.glob('*/*/seed_0/costs.json'))) == 4
    times = sorted(tuple(map(float, line.split())) for line in
                   (tmp_path / 'measured').read_text().splitlines())
    assert len(times) == 4
    for (_, ended), (begun, _) in pairwise(times):
        assert ended <= begun
    assert not list(tmp_path.glob('.*'))


@pytest.mark.parametrize('name, message', [
    ('broken', 'mmdbsam.errors.InputError: no such data'),
    ('killed', 'ended by SIGKILL'),
    ('nothing', 'train ended without its result'),
])
def test_a_failure_does_not_stop_the_others(plan, name, message):
    runs = plan(name)
    failures, text = run_all(runs)
    assert failures.keys() == {runs[0]}
    assert failures[runs[0]].startswith(message)
    assert f'FAILED: {message}' in text
    assert runs[1].is_tested


def test_runs_share_the_machine(plan):
    runs = plan(seeds=(0, 1))
    failures, _ = run_all(runs, [dict(OMP_NUM_THREADS='7'),
                                 dict(OMP_NUM_THREADS='9')])
    assert not failures
    used = {line for run in runs
            for line in run.log('train').read_text().splitlines()
            if line.startswith('threads')}
    assert used == {'threads 7', 'threads 9'}


def start_runner(path, repo_root):
    environment = {**os.environ, 'PYTHONPATH': str(repo_root)}
    return subprocess.Popen([sys.executable, '-c', RUNNER, path],
                            env=environment, stdout=subprocess.DEVNULL)


def test_what_a_killed_runner_left_at_work_is_waited_for(plan, repo_root):
    runs = plan()
    Path('hold').touch()
    runner = start_runner('tiny_study.py', repo_root)
    pointer = runs[0].training / 'last_checkpoint'
    while not (pointer.exists() and pointer.read_text()):
        assert runner.poll() is None
        time.sleep(0.01)
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()
    assert not runs[0].is_trained
    assert 0 < runs[0].progress() < 0.9
    threading.Timer(1, Path('hold').unlink).start()
    failures, text = run_all(runs)
    assert not failures and all(run.is_tested for run in runs)
    assert 'first, seed 0: waits for a process' in text
    assert runs[0].log('train').read_text().count('fake.py train') == 1


def test_changed_options_are_noticed(plan, write_study):
    run_all(plan())
    changed = write_study(NAMES.format('first', 'second').replace('2', '3'),
                          epochs=2)
    with pytest.raises(InputError, match='seed_0: was begun with '
                       'train_dataloader.batch_size: 2, which the study now '
                       'has as 3; choose another --work-dir'):
        plan_runs(read_study(changed, {}, False), Path('work'))
    with pytest.raises(InputError, match='study.amp: False, .* as True'):
        plan_runs(read_study(write_study(NAMES.format(
            'first', 'second'), epochs=2), {}, True), Path('work'))


def test_a_longer_study_keeps_what_is_done(plan, write_study):
    run_all(plan())
    text = NAMES.format('first', 'second')[:-1]
    path = write_study(f"{text}, dict(name='third', options={{"
                       "'model.image_encoder.neck': None})]", epochs=2)
    runs = plan_runs(read_study(path, {}, False), Path('work').resolve())
    assert [run.is_tested for run in runs] == [True, True, False]


def test_slurm_is_given_what_is_not_done(plan, monkeypatch):
    runs = plan('killed')
    run_all(runs)
    runs[1].costs.touch()
    monkeypatch.setenv('CPUS_PER_TASK', '3')
    command, = slurm_commands(runs, Tools(True, PROGRAM), 'gpu')
    assert '--partition=gpu' in command and '--cpus-per-task=3' in command
    script = Path('work/killed/seed_0/script.sh')
    # Slurm, too, gives a shell what follows --wrap.
    script.write_text(f'sbatch() {{ echo "${{@: -1}}"; }}\n{command}\n')
    shown = subprocess.run(['bash', script], capture_output=True,
                           text=True).stdout
    steps = shown.split(' && ')
    assert [step.split()[2] for step in steps] == ['train', 'test', 'flops']
    assert '--resume' in steps[0] and '--amp' in steps[0]
    assert runs[0].config_file.is_file()


def test_more_devices_than_there_are(monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '4,2')
    assert device_environments(2) == [dict(CUDA_VISIBLE_DEVICES='4'),
                                      dict(CUDA_VISIBLE_DEVICES='2')]
    with pytest.raises(InputError, match='--devices: expected 1 to 2, the '
                       'number of GPUs, found 3'):
        device_environments(3)
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    monkeypatch.setattr('os.sched_getaffinity', lambda _: range(6),
                        raising=False)
    assert device_environments(1) == [{}]
    assert device_environments(2) == [
        dict(OMP_NUM_THREADS='3', NUMBA_NUM_THREADS='3')] * 2
