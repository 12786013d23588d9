"""The Triton kernels compile for GPUs; test_backends checks their results."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from mmdbsam.ops.backends import triton_kernels

kind, capability = '{kind}', {capability}
for name, floats in [('forward', 'value locations weights output'),
                     ('backward', 'grad value locations weights '
                      'grad_value grad_locations grad_weights')]:
    kernel = getattr(triton_kernels, name + '_kernel').fn
    total = 'fp64' if kind == 'fp64' else 'fp32'
    signature = {{}}
    for argument in kernel.arg_names:
        if argument in floats.split():
            signature[argument] = '*' + (
                total if argument == 'grad_value' else kind)
        elif argument in ('shapes', 'starts'):
            signature[argument] = '*i64'
        else:
            signature[argument] = 'i32'
    constants = dict(HEADS=12, CHANNELS=64, LEVELS=4, POINTS=4, BLOCK_Q=32,
                     TILE_H=4, BLOCK_D=64, SPLIT=kind != 'fp64',
                     INDEX=triton.language.int32,
                     SUM=getattr(triton.language, 'float' + total[2:]))
    signature.update(dict.fromkeys(constants, 'constexpr'))
    source = ASTSource(kernel, signature, constexprs=constants)
    compiled = triton.compile(source,
                              target=GPUTarget('cuda', capability, 32))
    assert len(compiled.asm['cubin']) > 1000
print('compiled')
"""


@pytest.mark.parametrize('kind, capability', [
    ('fp16', 75), ('fp32', 90), ('fp64', 80)])
def test_compile_for_a_gpu(kind, capability, repo_root, tmp_path):
    environment = {**os.environ, 'TRITON_CACHE_DIR': str(tmp_path),
                   'PYTHONPATH': os.pathsep.join(
                       [str(repo_root), os.environ.get('PYTHONPATH', '')])}
    environment.pop('TRITON_INTERPRET', None)
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM.format(kind=kind,
                                              capability=capability)],
        env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == 'compiled', done.stderr[-3000:]
