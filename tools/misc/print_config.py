"""Print a config with its bases and overrides as one.

``python tools/misc/print_config.py CONFIG --cfg-options KEY=VALUE``
"""

import argparse
from pathlib import Path

from mmdbsam.cli.options import add_cfg_options
from mmdbsam.engine.config import apply_options, find_config, read_config
from mmdbsam.errors import InputError, run_cli

_FORMATS = ('.py', '.json', '.yml')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='a path, or a name of the model zoo')
    parser.add_argument('--save-path', type=Path, metavar='FILE',
                        help='write it to this file too, a .py, .json or .yml')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Print the config and write the file."""
    args = parse_args()
    cfg = read_config(find_config(args.config))
    apply_options(cfg, args.cfg_options)
    print(f'Config:\n{cfg.pretty_text}')
    if args.save_path:
        if args.save_path.suffix not in _FORMATS:
            raise InputError(f'--save-path {args.save_path}: expected a file '
                             f'that ends with {", ".join(_FORMATS)}')
        cfg.dump(args.save_path)


if __name__ == '__main__':
    run_cli(main)
