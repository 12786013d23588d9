"""Time SAM's image encoder against segment_anything's.

``python tools/analysis_tools/benchmark_encoder.py`` encodes an image with
``segment_anything``'s ViT-B, with this package's, and with the encoder of
DB-SAM around it, in float32 and under bfloat16 autocast. The runs are
interleaved, so that other load on the machine falls on all of them. The
medians and their ratios are printed. Memory is the peak that an encoding needs
beyond the model, measured in a process of its own. All weights are random,
including SAM's position embeddings, which would start at zero. A difference is
the largest between the embedding and that of ``segment_anything`` in float32,
relative to the largest value of the latter.
"""

import argparse
import multiprocessing
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Dict, List, Sequence, Tuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from segment_anything.modeling import ImageEncoderViT
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mmdbsam.engine.memory import peak_memory, restart_peak
from mmdbsam.errors import run_cli
from mmdbsam.models.backbones import SAMViT
from mmdbsam.registry import MODELS

ROOT = Path(__file__).parents[2]
PEER, OURS, DBSAM = 'segment_anything', 'SAMViT', 'DB-SAM'
DTYPES = {'float32': torch.float32, 'bfloat16': torch.bfloat16}
Case = Tuple[str, str]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--size', type=int, default=1024,
                        help='side of the image, in pixels')
    parser.add_argument('--runs', type=int, default=5,
                        help='number of timed encodings, after an untimed one')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--types', nargs='+', choices=DTYPES, default=DTYPES,
                        help='float32 is always among them; an ordinary CPU '
                        'takes minutes for bfloat16')
    return parser.parse_args()


def build(name: str, size: int) -> nn.Module:
    """An encoder from (1, 3, S, S) to (1, 256, S / 16, S / 16)."""
    init_default_scope('mmdbsam')
    torch.manual_seed(0)
    sam = ImageEncoderViT(
        img_size=size, norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=True, global_attn_indexes=(2, 5, 8, 11), window_size=14)
    for parameter_name, parameter in sam.named_parameters():
        if 'pos' in parameter_name:
            nn.init.normal_(parameter, std=0.02)
    if name == PEER:
        return sam.eval()
    if name == OURS:
        ours = SAMViT('base', img_size=size)
    else:
        cfg = Config.fromfile(ROOT / 'configs/dbsam_vitb_ct.py').model
        cfg.image_encoder.vit.img_size = size
        # With it, DB-SAM starts as SAM, and the two can be compared.
        for block in ('adapter', 'neck', 'fusion', 'norm'):
            cfg.image_encoder[block].zero_init = True
        ours = MODELS.build(cfg.image_encoder)
    ours.load_state_dict(sam.state_dict(), strict=name == OURS)
    return ours.eval()


@torch.inference_mode()
def encode(encoder: nn.Module, image: Tensor, dtype: str) -> Tensor:
    """The embedding, under autocast if ``dtype`` is not float32."""
    with torch.autocast(image.device.type, DTYPES[dtype],
                        enabled=dtype != 'float32'):
        embedding = encoder(image)
    if image.is_cuda:
        torch.cuda.synchronize()
    return embedding.float()


def extra_memory(case: Case, size: int, device: str) -> int:
    """The bytes at the peak of an encoding, beyond the model."""
    encoder = build(case[0], size).to(device)
    image = torch.randn(1, 3, size, size, device=device)
    encode(encoder, image, case[1])  # compile kernels first
    before = restart_peak(device)
    encode(encoder, image, case[1])
    return peak_memory(device) - before


def measure(size: int, runs: int, device: str, types: Sequence[str]
            ) -> Tuple[Dict[Case, float], Dict[Case, float]]:
    """Median seconds, and the difference to segment_anything in float32."""
    image = torch.randn(1, 3, size, size, device=device)
    encoders = {name: build(name, size).to(device)
                for name in (PEER, OURS, DBSAM)}
    seconds: Dict[Case, List[float]] = {
        (name, dtype): [] for dtype in DTYPES for name in encoders
        if dtype in types or dtype == 'float32'}
    differences = {}
    wanted = encode(encoders[PEER], image, 'float32')
    for case in seconds:
        found = encode(encoders[case[0]], image, case[1])
        difference = (found - wanted).abs().max() / wanted.abs().max()
        differences[case] = difference.item()
    for _ in range(runs):
        for name, dtype in seconds:
            start = time.perf_counter()
            encode(encoders[name], image, dtype)
            seconds[name, dtype].append(time.perf_counter() - start)
    return {case: median(values)
            for case, values in seconds.items()}, differences


def product_rate(dtype: str, device: str) -> float:
    """The operations per second of a linear layer of ViT-B's MLP."""
    tokens, weight = (torch.randn(n, 768, device=device, dtype=DTYPES[dtype])
                      for n in (4096, 3072))
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        nn.functional.linear(tokens, weight)
        if tokens.is_cuda:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return 2 * 4096 * 768 * 3072 / median(seconds)


def count_operations(name: str, size: int) -> int:
    """The operations in an encoder's equations."""
    encoder = build(name, size).requires_grad_(False).to('meta')
    with FlopCounterMode(display=False) as counter:
        encoder(torch.zeros(1, 3, size, size, device='meta'))
    return counter.get_total_flops()


def print_limits(size: int, device: str) -> None:
    """How long the encoders would take if all were one large product."""
    rates = {dtype: product_rate(dtype, device) for dtype in DTYPES}
    for name in (OURS, DBSAM):
        operations = count_operations(name, size)
        limits = ', '.join(
            f'{operations / rate:.2f} s at the {rate / 1e9:.0f} GFLOP/s of '
            f'a large product in {dtype}' for dtype, rate in rates.items())
        print(f'\n{name}: {operations / 1e9:.0f} GFLOP, {limits}')


def main() -> None:
    """Print the table."""
    args = parse_args()
    context = multiprocessing.get_context('spawn')
    seconds, differences = measure(args.size, args.runs, args.device,
                                   args.types)
    memory = {}
    for case in seconds:
        with context.Pool(1) as pool:
            memory[case] = pool.apply(extra_memory,
                                      (case, args.size, args.device))
    units = torch.cpu._is_amx_tile_supported()
    print(f'ViT-B, {args.size} px, batch 1, {args.device}, '
          f'{torch.get_num_threads()} threads, medians of {args.runs}; '
          f'bfloat16 matrix units: {"yes" if units else "no"}\n')
    print(f'| encoder | | s | faster than {PEER} in the same type | than '
          'in float32 | extra memory, GB | part of its | difference |\n'
          '|---|---|---:|---:|---:|---:|---:|---:|')
    for (name, dtype), found in seconds.items():
        peer = PEER, dtype
        print(f'| {name} | {dtype} | {found:.2f} | '
              f'{seconds[peer] / found:.2f} | '
              f'{seconds[PEER, "float32"] / found:.2f} | '
              f'{memory[name, dtype] / 1e9:.2f} | '
              f'{memory[name, dtype] / memory[peer]:.2f} | '
              f'{differences[name, dtype]:.0e} |')
    print_limits(args.size, args.device)


if __name__ == '__main__':
    run_cli(main)
