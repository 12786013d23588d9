"""Measure the peak memory and the time of one training step.

``python tools/analysis_tools/measure_step.py configs/dbsam_vitb_ct.py``

The images and masks are random, and no weights are loaded, because neither
matters for what is measured. On a CPU, the memory is the peak resident size of
the process; on a GPU, it is the peak that torch allocated.
"""

import argparse
import time

import torch
from mmengine.registry import init_default_scope

from mmdbsam.cli.options import add_runner_arguments, load_config
from mmdbsam.engine.memory import peak_memory
from mmdbsam.engine.random_batch import random_batch
from mmdbsam.errors import run_cli
from mmdbsam.registry import MODELS


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--batch-size', type=int, default=1)
    parser.add_argument('--prompts', type=int, default=4,
                        help='number of prompts for each image')
    parser.add_argument('--amp', action='store_true',
                        help='compute under bfloat16 autocast')
    add_runner_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    init_default_scope('mmdbsam')
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    model = MODELS.build(cfg.model).to(device).train()
    before = peak_memory(device)
    size = model.image_encoder.img_size
    batch = model.data_preprocessor(
        random_batch(size, args.batch_size, args.prompts))
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=1e-4)
    start = time.perf_counter()
    with torch.autocast(device, torch.bfloat16, enabled=args.amp):
        losses = model(**batch, mode='loss')
    sum(losses.values()).backward()
    optimizer.step()
    seconds = time.perf_counter() - start
    print(f'{args.config}: {size} px, batch {args.batch_size}, '
          f'{args.prompts} prompts an image, on {device}: one training step '
          f'{seconds:.1f} s, peak {peak_memory(device) / 1e9:.2f} GB, of '
          f'which the model {before / 1e9:.2f} GB')


if __name__ == '__main__':
    run_cli(main)
