"""Cross-validation from the data to the report, as a user runs it."""

import csv
import json

import pytest
from mmengine.hooks import CheckpointHook

from mmdbsam.errors import InputError
from mmdbsam.io.prepared import PreparedData
from mmdbsam.reports.folds import pool_folds

CONFIG = 'tests/data/dbsam_tiny_spine.py'
# Without the added blocks the tiny model is fast.
# The commands that were given.
DONE = []
SMALL = ['image_size=64', *(f'model.image_encoder.{block}=None' for block in (
    'adapter', 'stem', 'neck', 'fusion', 'norm'))]


def run_here(runs, tools, environments, progress):
    """Do what ``execute`` does with the same commands, in this process.

    tests/studies/test_execution.py kills and resumes real processes.
    """
    from mmdbsam import cli
    for run in runs:
        run.prepare()
        if not run.is_tested:
            if not run.is_trained:
                DONE.append(tools.train(run))
                cli.run(tools.train(run)[3:])
            DONE.append(tools.test(run))
            cli.run(tools.test(run)[3:])
    return {}


@pytest.fixture(scope='module')
def work(tmp_path_factory, repo_root, folded_spine):
    """A cross-validation that was stopped once, and then finished."""
    from mmdbsam import cli
    work = tmp_path_factory.mktemp('work') / 'folds'
    words = ['cross-validate', str(repo_root / CONFIG), '--work-dir',
             str(work), '--cfg-options', f'data_root={folded_spine}',
             'max_epochs=2', *SMALL]
    save = CheckpointHook.after_train_epoch

    def stop(self, runner):
        save(self, runner)
        if 'fold_1' in runner.work_dir and runner.epoch == 0:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmdbsam.studies.execute', run_here)
        with pytest.MonkeyPatch.context() as stopped:
            stopped.setattr(CheckpointHook, 'after_train_epoch', stop)
            with pytest.raises(KeyboardInterrupt):
                cli.run(words)
        assert (work / 'fold_1/training/epoch_1.pth').is_file()
        assert (work / 'fold_0/report').is_dir()
        assert not (work / 'report').exists()
        first = list(DONE)
        DONE.clear()
        cli.run(words)
    return work, first, list(DONE)


def rows(folder):
    with open(folder / 'cases.csv', newline='') as file:
        return list(csv.DictReader(file))


def test_a_stopped_cross_validation_resumes(work):
    folder, first, second = work
    assert [words[3] for words in first] == ['train', 'test', 'train']
    assert [words[3] for words in second] == ['train', 'test']
    assert all('fold_1' in words[4] and '--resume' in words
               for words in second[:1])
    # Trainings that begin in the same second share a log.
    log = ''.join(path.read_text() for path
                  in (folder / 'fold_1/training').glob('*/*.log'))
    assert log.count('Epoch(train) [1][1/') == 1
    assert log.count('Epoch(train) [2][1/') == 1


def test_the_report_is_that_of_single_tests(work, command, repo_root,
                                            folded_spine, tmp_path):
    """Patient by patient, label by label, and score by score."""
    folder, *_ = work
    single = []
    for fold in (0, 1):
        command('test', repo_root / CONFIG,
                folder / f'fold_{fold}/training/epoch_2.pth', '--fold', fold,
                '--report', tmp_path / str(fold), '--work-dir',
                tmp_path / 'work', '--cfg-options',
                f'data_root={folded_spine}', *SMALL)
        single += rows(tmp_path / str(fold))
    pooled = rows(folder / 'report')
    assert pooled == single
    assert {row['case'] for row in pooled} == {'p0', 'p1', 'p2'}
    summary = json.loads((folder / 'report/summary.json').read_text())
    assert summary['patients'] == 3
    assert summary['protocol']['split'] == 'fold_0, fold_1'
    dsc = [float(row['DSC']) for row in pooled if row['method'] == 'model']
    assert summary['scores']['model']['DSC'] == pytest.approx(
        sum(dsc) / len(dsc))
    checkpoints = summary['provenance']['checkpoint']
    assert [path.split('/')[-3] for path in checkpoints] == [
        'fold_0', 'fold_1']
    assert (folder / 'report/index.html').is_file()


def test_folds_that_share_a_case_are_refused(work, tmp_path):
    folder, *_ = work
    with pytest.raises(InputError, match="of one fold each, found 'p"):
        pool_folds([folder / 'fold_0/report'] * 2, tmp_path / 'report')
    with pytest.raises(InputError, match='expected the report of a fold'):
        pool_folds([folder / 'fold_0/report', folder / 'fold_1'],
                   tmp_path / 'report')


def test_a_cross_validation_of_other_options_is_refused(work, command,
                                                        repo_root):
    folder, *_ = work
    with pytest.raises(InputError, match='was begun with'):
        command('cross-validate', repo_root / CONFIG, '--work-dir', folder,
                '--cfg-options', f'data_root={data_root(folder)}',
                'max_epochs=1', *SMALL)


def data_root(folder):
    summary = json.loads((folder / 'report/summary.json').read_text())
    return PreparedData(summary['provenance']['data_root']).root


def test_slurm_gets_a_job_for_each_fold(command, repo_root, folded_spine,
                                        tmp_path, capsys):
    command('cross-validate', repo_root / CONFIG, '--work-dir',
            tmp_path / 'work', '--slurm', 'gpu', '--cfg-options',
            f'data_root={folded_spine}')
    jobs = capsys.readouterr().out.splitlines()
    assert len(jobs) == 2
    for fold, job in enumerate(jobs):
        assert job.startswith('sbatch --partition=gpu')
        assert f'fold_{fold}' in job and 'flops' not in job
