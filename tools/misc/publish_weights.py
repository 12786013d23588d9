"""Store the trained part of a checkpoint, to pass it on.

``python tools/misc/publish_weights.py CONFIG CHECKPOINT OUT.safetensors``
keeps the parameters that the config trains, in half precision. What stays as
it was released, such as LiteMedSAM's encoder, is not stored; loading takes it
from the config's ``model.pretrained``.
"""

import argparse
from pathlib import Path

import torch
from mmengine.registry import init_default_scope

from mmdbsam.engine.config import load_named
from mmdbsam.errors import run_cli
from mmdbsam.io.checksums import sha256
from mmdbsam.registry import MODELS
from mmdbsam.weights.loading import load_weights
from mmdbsam.weights.trained import write_trained


def main() -> None:
    """Store what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='the config of the training: a path, '
                        'or a name of the model zoo')
    parser.add_argument('checkpoint', help='the checkpoint of the training')
    parser.add_argument('out', type=Path, help='the file to write, '
                        '*.safetensors')
    args = parser.parse_args()
    cfg = load_named(args.config)
    init_default_scope('mmdbsam')
    with torch.device('cpu'):
        model = MODELS.build(cfg.model)
    load_weights(model, args.checkpoint)
    write_trained(model, args.out)
    print(f'{args.out}: {args.out.stat().st_size / 1e6:.1f} MB, sha256 '
          f'{sha256(args.out)}')


if __name__ == '__main__':
    run_cli(main)
