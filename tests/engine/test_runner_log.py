"""What of a run's log reaches the terminal."""

import logging

from mmdbsam.engine.runner import is_for_people


def record(path, message, level=logging.INFO):
    return logging.LogRecord('mmengine', level, path, 1, message, (), None)


def test_dumps_of_the_runner_stay_in_the_log_file(run_tool, repo_root,
                                                  tmp_path, prepared_spine):
    """A training says on the terminal what it does, and little else."""
    done = run_tool('train.py', repo_root / 'tests/data/dbsam_tiny_spine.py',
                    '--work-dir', tmp_path, '--cfg-options',
                    f'data_root={prepared_spine}', 'max_epochs=1')
    assert done.returncode == 0, done.stderr
    said = done.stdout
    log = next(tmp_path.glob('*/*.log')).read_text()
    for dump in ('System environment', 'Config:\n', 'before_run'):
        assert dump in log
        assert dump not in said
    for news in ('parameters trained', 'Epoch(train)', 'The log file is'):
        assert news in said
    assert len(said.splitlines()) < 40


def test_only_long_information_of_the_runner_is_held_back():
    runner = '/site-packages/mmengine/runner/runner.py'
    assert not is_for_people(record(runner, 'Config:\na = 1'))
    assert is_for_people(record(runner, 'Load checkpoint from x'))
    assert is_for_people(record(runner, 'two\nlines', logging.WARNING))
    assert is_for_people(record('/mmdbsam/engine/runner.py', 'two\nlines'))
