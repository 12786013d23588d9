"""What a training step costs."""

import re

import pytest


def test_vitb_at_256_px_trains_in_6_gb(run_tool):
    done = run_tool('analysis_tools/measure_step.py',
                    'configs/dbsam_vitb_ct_256px.py')
    assert done.returncode == 0, done.stderr
    assert float(re.search(r'peak ([\d.]+) GB', done.stdout)[1]) < 6


def test_steps_are_compared_in_one_run(run_tool):
    config = 'tests/data/dbsam_tiny_spine.py'
    done = run_tool('analysis_tools/benchmark_step.py', config, config,
                    '--prompts', 4, 1, '--runs', 1)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip('|').split('|')]
            for line in done.stdout.splitlines()
            if line.startswith('| dbsam_tiny_spine')]
    assert [row[1] for row in rows] == ['4', '1']
    for row in rows:
        seconds, ratio = float(row[2]), float(row[3])
        assert seconds > 0 and ratio == 1
        assert float(row[4]) == pytest.approx(
            seconds / 2 / int(row[1]), abs=0.01)
    done = run_tool('analysis_tools/benchmark_step.py', 'none.py')
    assert done.stderr.splitlines()[-1] == (
        'error: config none.py: no such file')
