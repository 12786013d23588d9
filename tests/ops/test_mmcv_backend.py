"""The call of mmcv's compiled functions, without them."""

import ast
import sys
from pathlib import Path
from types import ModuleType

import mmcv
import pytest
import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from mmdbsam.ops.backends import mmcv_backend
from mmdbsam.ops.shapes import level_starts


class Recorder:
    """A stand-in for mmcv's extension that notes its arguments.

    It fills in numbers for the results.
    """

    def __init__(self):
        self.calls = []

    def ms_deform_attn_forward(self, *args, **kwargs):
        self.calls.append((args, kwargs))
        return torch.ones(args[0].shape[0], args[3].shape[1],
                          args[0].shape[2] * args[0].shape[3])

    def ms_deform_attn_backward(self, *args, **kwargs):
        self.calls.append((tuple(x.clone() for x in args), kwargs))
        for number, grad in enumerate(args[6:9], start=1):
            grad.fill_(number)


def mmcv_function(extension):
    """mmcv's own autograd function, calling that extension."""
    path = Path(mmcv.__file__).parent / 'ops' / 'multi_scale_deform_attn.py'
    name = 'MultiScaleDeformableAttnFunction'
    node = next(node for node in ast.parse(path.read_text()).body
                if isinstance(node, ast.ClassDef) and node.name == name)
    scope = dict(torch=torch, Function=Function, ext_module=extension,
                 once_differentiable=once_differentiable)
    exec(compile(ast.Module([node], []), str(path), 'exec'), scope)
    return scope[name]


@pytest.mark.parametrize('batch, step', [(1, 1), (6, 6), (64, 64), (96, 32),
                                         (65, 1)])
def test_calls_as_mmcv_does(monkeypatch, batch, step):
    ours, theirs = Recorder(), Recorder()
    module = ModuleType('mmcv.ops.multi_scale_deform_attn')
    module.ext_module = ours
    monkeypatch.setitem(sys.modules, 'mmcv.ops', ModuleType('mmcv.ops'))
    monkeypatch.setitem(sys.modules, module.__name__, module)

    shapes = [(2, 3), (1, 2)]
    value = torch.rand(batch, 8, 2, 4, requires_grad=True)
    locations = torch.rand(batch, 5, 2, 2, 3, 2, requires_grad=True)
    weights = torch.rand(batch, 5, 2, 2, 3, requires_grad=True)
    grad = torch.rand(batch, 5, 8)

    output = mmcv_backend.forward(value, shapes, locations, weights)
    grads = mmcv_backend.backward(grad, value, shapes, locations, weights)
    wanted = mmcv_function(theirs).apply(
        value, torch.tensor(shapes), torch.tensor(level_starts(shapes)),
        locations, weights, step)
    wanted_grads = torch.autograd.grad(wanted, (value, locations, weights),
                                       grad)

    torch.testing.assert_close(output, wanted)
    torch.testing.assert_close(grads, wanted_grads)
    assert len(ours.calls) == len(theirs.calls) == 2
    for (args, kwargs), (their_args, their_kwargs) in zip(
            ours.calls, theirs.calls, strict=True):
        assert kwargs == their_kwargs == {'im2col_step': step}
        assert batch % step == 0
        torch.testing.assert_close(args, their_args)
