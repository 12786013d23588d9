"""Write a trained model as two ONNX files, which run without torch.

``mmdbsam export CONFIG CHECKPOINT -o DIR`` writes DIR/encoder.onnx and
DIR/decoder.onnx, with the preprocessing in their metadata, and compares their
results with those of torch.
"""

import argparse
from pathlib import Path

from mmdbsam.cli.options import add_runner_arguments, load_config
from mmdbsam.errors import InputError
from mmdbsam.version import __version__


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument('config', help='a path, or a name of the model zoo')
    parser.add_argument('checkpoint', help='a checkpoint of mmdbsam, the '
                        'name of weights that come with it, or an official '
                        'checkpoint of SAM for a config without added blocks')
    parser.add_argument('-o', '--out', required=True, metavar='DIR',
                        type=Path, help='a new folder, or an earlier export, '
                        'which is replaced')
    add_runner_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Export the model, and print how far its files are from torch."""
    from mmengine.registry import init_default_scope

    from mmdbsam.engine.semantic_config import require_prompts
    from mmdbsam.io.checksums import sha256
    from mmdbsam.registry import MODELS
    from mmdbsam.weights.loading import checkpoint_file, load_weights
    try:
        from mmdbsam.deployment.onnx_export import (
            export_onnx,
            preprocessing_of,
        )
    except ModuleNotFoundError as error:
        raise InputError(f'expected the package {error.name}, found none; '
                         "pip install 'mmdbsam[onnx]' brings it") from error
    cfg = load_config(args)
    require_prompts(cfg, f'export {args.config}')
    init_default_scope('mmdbsam')
    model = MODELS.build(cfg.model).eval().requires_grad_(False)
    load_weights(model, args.checkpoint)
    found = export_onnx(
        model, args.out, preprocessing_of(cfg, model), version=__version__,
        config=Path(args.config).stem,
        checkpoint_sha256=sha256(checkpoint_file(args.checkpoint)))
    print('largest difference to torch: ' + ', '.join(
        f'{name} {value:.1e}' for name, value in found.items()))
    for file in sorted(args.out.iterdir()):
        print(f'{file}: {file.stat().st_size / 1e6:.1f} MB')
