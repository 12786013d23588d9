"""tools/ablate.py: a study from its file to its table, as a user runs it."""

import csv
import os
import signal
import subprocess
import sys
import time

import pytest


@pytest.fixture(scope='module')
def study(tmp_path_factory, repo_root, prepared_spine):
    """A study whose second variant fails."""
    path = tmp_path_factory.mktemp('study') / 'study.py'
    path.write_text(f"""
title = 'Tiny study'
config = 'tests/data/dbsam_tiny_spine.py'
options = {{
    'data_root': '{prepared_spine}', 'max_epochs': 3,
    'val_cfg': None, 'val_dataloader': None, 'val_evaluator': None,
    'default_hooks.checkpoint.save_best': None,
}}
variants = [
    dict(name='whole', options={{}}),
    dict(name='no data', options={{'train_dataloader.dataset.split': 'none'}}),
]
""")
    return path


@pytest.fixture(scope='module')
def command(repo_root, study):
    """Start the study in a work directory, in a process group of its own."""

    def command(work_dir, *options):
        return subprocess.Popen(
            [sys.executable, 'tools/ablate.py', study, '--work-dir', work_dir,
             '--devices', str(min(2, os.cpu_count())), *options],
            cwd=repo_root, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True)

    return command


@pytest.fixture(scope='module')
def finished(tmp_path_factory, command):
    """The work directory of an uninterrupted study, and what it printed."""
    folder = tmp_path_factory.mktemp('work') / 'whole'
    process = command(folder)
    output, errors = process.communicate()
    assert process.returncode == 1, errors
    return folder, output


def table(folder):
    """All numbers except the latency."""
    with open(folder / 'study.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        del row['seconds']
    return rows


def test_a_study_goes_on_past_a_failure(finished):
    folder, output = finished
    assert "no data, seed 0: FAILED: data root" in output
    good, bad = table(folder)
    assert 0 < float(good['DSC']) < 1 and int(good['flops']) > 0
    assert good['fusion'] == 'GatedFusion' and good['stem'] == 'ConvStem'
    assert bad['DSC'] == ''
    assert bad['missing'].startswith('seed 0 failed: data root ')
    assert "split 'none' has no slice" in bad['missing']
    page = (folder / 'study.html').read_text()
    for text in (page, (folder / 'study.md').read_text(), output,
                 (folder / 'study.tex').read_text()):
        assert f'{100 * float(good["DSC"]):.2f}' in text
        assert 'failed' in text
    assert 'src="http' not in page and 'href="http' not in page


def test_what_is_done_is_not_done_again(finished, command):
    folder, _ = finished
    before = {path: path.stat().st_mtime_ns
              for path in (folder / 'whole').rglob('*')
              if path.is_file() and path.name != 'lock'}
    process = command(folder)
    output, errors = process.communicate()
    assert process.returncode == 1, errors
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert 'whole, seed 0: starts' not in output


def test_a_killed_study_comes_to_the_same_table(finished, command, tmp_path):
    """kill -9 of the runner and of all that it started."""
    process = command(tmp_path / 'cut')
    pointer = tmp_path / 'cut/whole/seed_0/training/last_checkpoint'
    while not pointer.exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / 'cut/whole/seed_0/report').exists()
    process = command(tmp_path / 'cut')
    output, errors = process.communicate()
    assert process.returncode == 1, errors
    assert 'whole, seed 0: resumes' in output
    assert table(tmp_path / 'cut') == table(finished[0])
