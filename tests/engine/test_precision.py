"""--amp: mixed precision only where the machine gains from it."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from mmdbsam.engine import precision
from mmdbsam.engine.precision import NOTE, amp_dtype, gains_from_bfloat16
from mmdbsam.errors import InputError


@pytest.fixture
def cpu(monkeypatch):
    """Pretend a CPU with or without products of bfloat16."""

    def pretend(factor):
        gains_from_bfloat16.cache_clear()
        monkeypatch.setattr(precision, '_seconds', lambda dtype: {
            torch.float32: 1., torch.bfloat16: factor}[dtype])

    yield pretend
    gains_from_bfloat16.cache_clear()


@pytest.mark.parametrize('factor, amp, wanted', [
    (30., 'auto', torch.float32), (30., True, torch.float32),
    (30., 'force', torch.bfloat16), (0.5, 'auto', torch.bfloat16),
    (0.5, None, torch.float32), (0.5, False, torch.float32),
])
def test_the_cpu_decides_unless_one_insists(cpu, factor, amp, wanted):
    cpu(factor)
    assert amp_dtype(amp, 'cpu') == wanted


@pytest.mark.parametrize('native, wanted', [(True, torch.bfloat16),
                                            (False, torch.float16)])
def test_a_gpu_takes_what_it_has(monkeypatch, native, wanted):
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported',
                        lambda including_emulation: native)
    assert amp_dtype('auto', 'cuda') == wanted


def test_the_measurement_agrees_with_the_flags_of_the_cpu():
    """As far as these tell: an emulation is never faster."""
    gains_from_bfloat16.cache_clear()
    flags = torch.cpu.get_capabilities() if hasattr(
        torch.cpu, 'get_capabilities') else {}
    if flags.get('architecture') == 'x86_64' and not (
            flags['avx512_bf16'] or flags['amx_bf16']):
        assert not gains_from_bfloat16()
    assert torch.get_num_threads() >= 1
    assert gains_from_bfloat16() in (True, False)


@pytest.mark.parametrize('words, wanted', [
    (['--amp'], 'auto'), (['--amp', 'force'], 'force'), ([], None)])
@pytest.mark.parametrize('first', [True, False])
def test_the_option_takes_no_word_that_is_not_meant_for_it(
        command, monkeypatch, words, wanted, first):
    """As ``mmdbsam train --amp CONFIG`` has always been written."""
    seen = []
    monkeypatch.setattr('mmdbsam.cli.train.run',
                        lambda args: seen.append((args.config, args.amp)))
    command('train', *([*words, 'x.py'] if first else ['x.py', *words]))
    assert seen == [('x.py', wanted)]


def test_float32_is_said_and_recorded(cpu, repo_root, tmp_path, command,
                                      capsys, tiny_cfg):
    """On a CPU without products of bfloat16, in a training's log and in the
    record of an inference."""
    cpu(30.)
    from mmdbsam.registry import MODELS
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(tiny_cfg.model).state_dict()),
               tmp_path / 'x.pth')
    Image.fromarray(np.random.default_rng(0).integers(
        0, 255, (24, 32), np.uint8)).save(tmp_path / 'a.png')
    records = {}
    for name, words in (('plain', ['--amp']), ('forced', ['--amp', 'force'])):
        command('infer', tmp_path / 'a.png', '-o', tmp_path / f'{name}.png',
                '--box', 2, 3, 29, 20, '--config',
                repo_root / 'tests/data/dbsam_tiny_spine.py', '--checkpoint',
                tmp_path / 'x.pth', *words)
        records[name] = json.loads(
            (tmp_path / f'{name}.labels.json').read_text())['origin']['model']
    assert records['plain']['precision'] == 'float32'
    assert records['forced']['precision'] == 'bfloat16'
    assert 'float32 is used' in NOTE


def test_a_training_says_it_in_its_log(cpu, repo_root, prepared_spine,
                                       tmp_path, command):
    cpu(30.)
    command('train', repo_root / 'tests/data/dbsam_tiny_spine.py', '--amp',
            '--work-dir', tmp_path, '--cfg-options',
            f'data_root={prepared_spine}', 'max_epochs=1', 'val_cfg=None',
            'val_dataloader=None', 'val_evaluator=None')
    log, = tmp_path.glob('*/*.log')
    assert NOTE in log.read_text()
    assert 'BFloat16OptimWrapper' not in log.read_text()


def test_another_word_is_refused(command):
    with pytest.raises((SystemExit, InputError)):
        command('train', 'x.py', '--amp=sometimes')
