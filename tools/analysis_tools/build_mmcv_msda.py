"""Compile mmcv's MSDA for this GPU, without mmcv's other operators.

``python tools/analysis_tools/build_mmcv_msda.py SOURCE`` takes the unpacked
source distribution of ``onedl-mmcv`` and needs ``nvcc``, for about a minute.
It gives the installed mmcv, if that has no compiled operators, a module
``mmcv._ext`` with this one, so that it can be compared with the others. mmcv
itself compiles all of its operators, which takes much longer.
"""

import argparse
import sys
from pathlib import Path
from typing import Iterator

import mmcv
import torch
from torch.utils.cpp_extension import load

from mmdbsam.errors import InputError, run_cli

BINDING = """
#include <torch/library.h>

at::Tensor ms_deform_attn_cuda_forward(
    const at::Tensor &, const at::Tensor &, const at::Tensor &,
    const at::Tensor &, const at::Tensor &, const int);
void ms_deform_attn_cuda_backward(
    const at::Tensor &, const at::Tensor &, const at::Tensor &,
    const at::Tensor &, const at::Tensor &, const at::Tensor &, at::Tensor &,
    at::Tensor &, at::Tensor &, const int);

at::Tensor forward(at::Tensor value, at::Tensor shapes, at::Tensor starts,
                   at::Tensor locations, at::Tensor weights, int64_t step) {
  return ms_deform_attn_cuda_forward(value, shapes, starts, locations, weights,
                                     step);
}

void backward(at::Tensor value, at::Tensor shapes, at::Tensor starts,
              at::Tensor locations, at::Tensor weights, at::Tensor grad,
              at::Tensor grad_value, at::Tensor grad_locations,
              at::Tensor grad_weights, int64_t step) {
  ms_deform_attn_cuda_backward(value, shapes, starts, locations, weights, grad,
                               grad_value, grad_locations, grad_weights, step);
}

TORCH_LIBRARY(mmcv_msda, library) {
  library.def("forward", &forward);
  library.def("backward", &backward);
}
"""

# mmcv asks for a module with all of its operators when it is imported.
MODULE = """
import torch
torch.ops.load_library({library!r})


def ms_deform_attn_forward(*args, im2col_step):
    return torch.ops.mmcv_msda.forward(*args, im2col_step)


def ms_deform_attn_backward(*args, im2col_step):
    torch.ops.mmcv_msda.backward(*args, im2col_step)


def __getattr__(name):
    if name.startswith('__'):
        raise AttributeError(name)

    def missing(*args, **kwargs):
        raise RuntimeError(name + ' was not compiled')

    return missing
"""


def cuda_headers() -> Iterator[Path]:
    """The headers of CUDA's libraries that pip installed beside torch.

    A toolkit need not have them.
    """
    for site in {Path(torch.__file__).parents[1], *map(Path, sys.path)}:
        yield from site.glob('nvidia/*/include')


def main() -> None:
    """Compile the operator and write the module beside it."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path)
    args = parser.parse_args()
    sources = args.source / 'mmcv/ops/csrc'
    kernel = sources / 'pytorch/cuda/ms_deform_attn_cuda.cu'
    if not kernel.exists():
        raise InputError(f'{args.source}: expected an unpacked source '
                         f'distribution of onedl-mmcv, found no {kernel}')
    package = Path(mmcv.__file__).parent
    module = package / '_ext.py'
    if list(package.glob('_ext.*.so')):
        raise InputError(f'{package}: expected no compiled operators, found '
                         'them; there is nothing to do')
    out = package / '_msda'
    out.mkdir(exist_ok=True)
    binding = out / 'binding.cpp'
    binding.write_text(BINDING)
    library = load(
        'mmcv_msda', [str(binding), str(kernel)], build_directory=str(out),
        extra_include_paths=[str(sources / 'common'),
                             str(sources / 'common/cuda'),
                             *map(str, cuda_headers())],
        extra_cflags=['-DMMCV_WITH_CUDA'],
        extra_cuda_cflags=['-DMMCV_WITH_CUDA'], with_cuda=True,
        is_python_module=False, verbose=True)
    module.write_text(MODULE.format(library=str(library)))
    print(f'mmcv has its MSDA; remove {module} and {out} to undo this')


if __name__ == '__main__':
    run_cli(main)
