"""The benchmarks that need data, on the spine CT and few steps."""

import re

import pytest
import torch

from mmdbsam.registry import MODELS

CONFIG = 'tests/data/dbsam_tiny_spine.py'


def test_prompts_of_a_slice_share_its_encoding(run_tool, repo_root, tiny_cfg,
                                               prepared_spine, tmp_path):
    torch.manual_seed(0)
    checkpoint = tmp_path / 'weights.pth'
    torch.save(MODELS.build(tiny_cfg.model).state_dict(), checkpoint)
    done = run_tool('analysis_tools/benchmark_prompts.py', repo_root / CONFIG,
                    checkpoint, '--slices', 2, '--cfg-options',
                    f'data_root={prepared_spine}')
    assert done.returncode == 0, done.stderr
    differing, pixels = map(int, re.search(
        r'(\d+) of (\d+) pixels differ', done.stdout).groups())
    assert pixels > 0 and differing < 1e-3 * pixels
    slices, prompts = map(int, re.search(
        r'(\d+) slices, (\d+) prompts', done.stdout).groups())
    assert prompts > slices >= 2
    ratio = re.search(r'per slice \| [\d.]+ \| ([\d.]+)', done.stdout)
    assert float(ratio[1]) > 0


@pytest.mark.parametrize('workers', [0, 1])
def test_time_that_a_step_waits(run_tool, repo_root, prepared_spine, workers):
    done = run_tool('analysis_tools/benchmark_loader.py', repo_root / CONFIG,
                    '--steps', 1, '--workers', workers, '--cfg-options',
                    f'data_root={prepared_spine}')
    assert done.returncode == 0, done.stderr
    row = done.stdout.splitlines()[-1].strip('|').split('|')
    count, waited, step, share = map(float, row)
    assert count == workers and 0 <= waited < step
    assert share == pytest.approx(100 * waited / step, abs=6)
