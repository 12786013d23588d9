"""The model makes its masks as the evaluation's protocol says."""

from types import SimpleNamespace

import pytest
import torch

from mmdbsam.engine.hooks import ProtocolHook
from mmdbsam.errors import InputError
from mmdbsam.evaluation import BenchmarkMetric, VolumeMetric
from mmdbsam.models import PromptSegmentor
from mmdbsam.models.segmentors import logits_on_image

CONFIG = 'tests/data/dbsam_tiny_spine.py'


@pytest.fixture
def seen(command, repo_root, prepared_spine, tiny_checkpoint, tmp_path,
         monkeypatch):
    """A function that tests, and returns how logits were resampled."""

    def run(*options):
        ways = set()
        predict = PromptSegmentor.predict
        monkeypatch.setattr(
            PromptSegmentor, 'predict',
            lambda self, *args: ways.add(self.resampling)
            or predict(self, *args))
        monkeypatch.chdir(repo_root)
        command('test', CONFIG, tiny_checkpoint, '--work-dir', tmp_path,
                '--cfg-options', f'data_root={prepared_spine}', *options)
        return ways

    return run


@pytest.mark.parametrize('options, wanted', [
    ((), 'input'),
    (('test_evaluator.protocol=dbsam2024', ), 'direct'),
    (('test_evaluator.resampling=direct', ), 'direct')])
def test_the_model_follows_the_protocol_of_the_test(seen, options, wanted):
    assert seen(*options) == {wanted}


def test_tasks_of_different_ways_are_refused(prepared_spine):
    """One prediction serves all of them."""
    benchmark = BenchmarkMetric(str(prepared_spine), split='test',
                                min_volume=10)
    name, = benchmark.metrics
    benchmark.metrics['other'] = VolumeMetric(
        str(prepared_spine), 'test', min_volume=10, resampling='direct')
    runner = SimpleNamespace(
        model=SimpleNamespace(), test_loop=SimpleNamespace(
            evaluator=SimpleNamespace(metrics=[benchmark])))
    with pytest.raises(InputError, match='resampling: expected the same .*'
                       'found direct and input'):
        ProtocolHook().before_test(runner)
    del benchmark.metrics[name]
    ProtocolHook().before_test(runner)
    assert runner.model.resampling == 'direct'


def test_directly_means_at_most_one_interpolation():
    torch.manual_seed(0)
    logits = torch.randn(2, 1, 32, 32)
    same = logits_on_image(logits, 128, (128, 128), (32, 32), 'direct')
    assert torch.equal(same, logits)
    assert not torch.equal(logits_on_image(logits, 128, (128, 128), (32, 32)),
                           logits)
    # A wide image fills the upper part of the padded square.
    wide = logits_on_image(logits, 128, (64, 128), (32, 64), 'direct')
    whole = torch.nn.functional.interpolate(logits, (64, 64), mode='bilinear')
    torch.testing.assert_close(wide, whole[..., :32, :])
