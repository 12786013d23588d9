"""Time an exported model against torch.

``python tools/analysis_tools/benchmark_onnx.py CONFIG CHECKPOINT EXPORTED``
encodes an image and decodes boxes in turns with torch and with the files that
``tools/deployment/export_onnx.py`` wrote to the folder EXPORTED. Both run on
the CPU with the same number of threads. The median times and their ratio are
printed.
"""

import argparse
import time
from statistics import median

import torch
from mmengine.registry import init_default_scope

from mmdbsam.cli.options import add_runner_arguments, load_config
from mmdbsam.deployment import OnnxSegmentor
from mmdbsam.errors import run_cli
from mmdbsam.registry import MODELS
from mmdbsam.weights.loading import load_weights


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('exported')
    parser.add_argument('--prompts', type=int, nargs='+', default=[1, 8],
                        help='number of boxes that are decoded at once')
    parser.add_argument('--runs', type=int, default=5,
                        help='number of timed runs, after an untimed one')
    add_runner_arguments(parser)
    return parser.parse_args()


@torch.inference_mode()
def main() -> None:
    """Print the table."""
    args = parse_args()
    cfg = load_config(args)
    init_default_scope('mmdbsam')
    model = MODELS.build(cfg.model).eval()
    load_weights(model, args.checkpoint)
    threads = torch.get_num_threads()
    exported = OnnxSegmentor(args.exported, threads=threads)
    side = model.image_encoder.img_size
    images = torch.randn(1, 3, side, side)
    embedding = model.image_encoder(images)
    work = {'encode an image': (
        lambda: model.image_encoder(images),
        lambda: exported.encode_image(images.numpy()))}
    for number in args.prompts:
        boxes = torch.tensor([0., 0., side / 2, side / 2]).expand(number, 4)
        work[f'decode {number} box(es)'] = (
            lambda boxes=boxes: model.decode_prompts(embedding, boxes=boxes),
            lambda boxes=boxes: exported.decode_prompts(embedding.numpy(),
                                                        boxes=boxes.numpy()))
    print(f'{args.config}: {side} px, float32, CPU, {threads} thread(s)\n')
    print('| | torch (ms) | onnxruntime (ms) | ratio |\n|---|---:|---:|---:|')
    for name, functions in work.items():
        seconds = [[], []]
        for _ in range(args.runs + 1):
            for function, found in zip(functions, seconds, strict=True):
                start = time.perf_counter()
                function()
                found.append(time.perf_counter() - start)
        ours, theirs = (1e3 * median(found[1:]) for found in seconds)
        print(f'| {name} | {ours:.0f} | {theirs:.0f} | {theirs / ours:.2f} |')


if __name__ == '__main__':
    run_cli(main)
