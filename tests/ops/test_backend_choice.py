"""Which backend is taken, and what is said where none can be."""

import pytest
import torch

from mmdbsam.ops import available_backends, multi_scale_deformable_attn
from mmdbsam.ops.backend_choice import VARIABLE, _choose, choose
from mmdbsam.ops.backends import BACKENDS


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Forget the user's setting and the choices of earlier tests."""
    monkeypatch.delenv(VARIABLE, raising=False)
    _choose.cache_clear()
    yield
    _choose.cache_clear()


def usable(monkeypatch, *names):
    for name, module in BACKENDS.items():
        reason = '' if name in names else f'{name} is not here'
        monkeypatch.setattr(module, 'unusable_because', lambda r=reason: r)


def test_says_why_a_backend_is_not_usable(monkeypatch):
    reasons = available_backends()
    assert list(reasons) == ['mmcv', 'triton', 'numba', 'torch']
    assert reasons['torch'] == reasons['numba'] == ''
    usable(monkeypatch, 'torch')
    assert available_backends()['numba'] == 'numba is not here'


@pytest.mark.parametrize('device, dtype, present, expected', [
    ('cpu', torch.float32, ['numba', 'torch'], 'numba'),
    ('cpu', torch.float64, ['numba', 'torch'], 'torch'),
    ('cpu', torch.bfloat16, ['numba', 'torch'], 'torch'),
    ('cpu', torch.float32, ['torch'], 'torch'),
    ('mps', torch.float32, ['numba', 'torch'], 'torch'),
    ('meta', torch.float32, ['numba', 'torch'], 'torch'),
    ('cuda', torch.float32, ['mmcv', 'triton', 'torch'], 'triton'),
    ('cuda', torch.float32, ['triton', 'torch'], 'triton'),
    ('cuda', torch.float16, ['mmcv', 'triton', 'torch'], 'triton'),
    ('cuda', torch.float32, ['torch'], 'torch'),
])
def test_auto(monkeypatch, device, dtype, present, expected):
    usable(monkeypatch, *present)
    monkeypatch.setattr(BACKENDS['triton'], 'DEVICES', ('cuda', ))
    assert choose('auto', device, dtype) == expected


def test_the_variable_orders_what_auto_takes(monkeypatch):
    usable(monkeypatch, *BACKENDS)
    monkeypatch.setenv(VARIABLE, 'triton,mmcv,torch')
    assert choose('auto', 'cuda', torch.float32) == 'triton'
    assert choose('mmcv', 'cuda', torch.float32) == 'mmcv'
    monkeypatch.setenv(VARIABLE, 'torch')
    assert choose('auto', 'cpu', torch.float32) == 'torch'


@pytest.mark.parametrize('backend, setting, error, message', [
    ('cuda', '', ValueError, "backend: expected 'auto' or one of .*'cuda'"),
    ('auto', 'numpy', ValueError, f"{VARIABLE}: expected .*found 'numpy'"),
    ('mmcv', '', RuntimeError, "backend 'mmcv': expected tensors on 'cuda'"),
    ('auto', 'mmcv', RuntimeError, f"{VARIABLE} 'mmcv': expected tensors"),
])
def test_what_cannot_be_taken_is_said(monkeypatch, backend, setting, error,
                                      message):
    usable(monkeypatch, *BACKENDS)
    monkeypatch.setenv(VARIABLE, setting)
    with pytest.raises(error, match=message):
        choose(backend, 'cpu', torch.float32)


def test_numba_names_the_types_that_it_takes():
    value = torch.zeros(1, 4, 1, 2, dtype=torch.bfloat16)
    samples = torch.zeros(1, 1, 1, 1, 1, 2, dtype=torch.bfloat16)
    with pytest.raises(RuntimeError, match="'numba': expected one of .*float32"
                       '.*found torch.bfloat16'):
        multi_scale_deformable_attn(value, [(2, 2)], [0], samples,
                                    samples[..., 0], backend='numba')
