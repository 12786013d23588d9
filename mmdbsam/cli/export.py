"""Write a trained model as two ONNX files, which run without torch.

``mmdbsam export CONFIG CHECKPOINT -o DIR`` writes DIR/encoder.onnx and
DIR/decoder.onnx, with the preprocessing in their metadata, and compares their
results with those of torch. With ``--int8 DATA_ROOT`` the encoder computes in
8 bits, in ranges that are measured on slices of prepared data.
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
    quantised = parser.add_argument_group('an encoder in 8 bits')
    quantised.add_argument(
        '--int8', metavar='DATA_ROOT', help='quantise the encoder, with '
        'ranges that are measured on slices of this prepared data set, and '
        'compare its masks with those of float32 on as many other slices')
    quantised.add_argument(
        '--int8-split', default='train', metavar='SPLIT', help='the split '
        'that the slices are taken from, evenly spaced (default: %(default)s)')
    quantised.add_argument(
        '--int8-slices', type=int, default=8, metavar='N', help='the number '
        'of slices to measure the ranges on (default: %(default)s)')
    add_runner_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Export the model, and print how far its files are from torch."""
    from mmengine.registry import init_default_scope

    from mmdbsam.engine.semantic_config import require_prompts
    from mmdbsam.io.atomic import require_place
    from mmdbsam.io.checksums import sha256
    from mmdbsam.registry import MODELS
    from mmdbsam.weights.loading import checkpoint_file, load_weights
    try:
        from mmdbsam.deployment.calibration import choose_slices
        from mmdbsam.deployment.onnx_export import (
            export_onnx,
            preprocessing_of,
        )
        from mmdbsam.deployment.quantization import NO_GAIN, has_8_bit_products
    except ModuleNotFoundError as error:
        raise InputError(f'expected the package {error.name}, found none; '
                         "pip install 'mmdbsam[onnx]' brings it") from error
    cfg = load_config(args)
    require_prompts(cfg, f'export {args.config}')
    require_place(args.out)
    init_default_scope('mmdbsam')
    model = MODELS.build(cfg.model).eval().requires_grad_(False)
    preprocessing, calibration = preprocessing_of(cfg, model), None
    if args.int8:
        calibration = choose_slices(cfg, args.int8, args.int8_split,
                                    args.int8_slices)
        if has_8_bit_products() is False:
            print(NO_GAIN)
    load_weights(model, args.checkpoint)
    found = export_onnx(
        model, args.out, preprocessing, calibration,
        version=__version__, config=Path(args.config).stem,
        checkpoint_sha256=sha256(checkpoint_file(args.checkpoint)))
    agreement = found.pop('agreement', None)
    print('largest difference to torch: ' + ', '.join(
        f'{name} {value:.1e}' for name, value in found.items())
          + (' (before the encoder was quantised)' if calibration else ''))
    if calibration:
        print('DSC between its masks in 8 bits and in float32: '
              f'{agreement:.1f}, on {len(calibration.held)} slices that it '
              'was not calibrated on')
    for file in sorted(args.out.iterdir()):
        print(f'{file}: {file.stat().st_size / 1e6:.1f} MB')
