"""The command ``mmdbsam``, whose subcommands the scripts in tools/ run too.

A subcommand is a module of this package with the functions
``add_arguments(parser)`` and ``run(args)``, and a line in :data:`COMMANDS`.
Modules that need torch are imported only when a command runs, so that
``--help`` answers at once.
"""

import logging
import re
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Container, Sequence
from importlib import import_module
from itertools import pairwise

from mmdbsam.cli.allocator import keep_freed_memory
from mmdbsam.errors import run_cli
from mmdbsam.version import __version__

COMMANDS = {
    'prepare': 'turn medical images and their labels into a data set',
    'merge': 'put prepared data sets together, such as shards of one',
    'browse': 'look at samples as the model sees them',
    'fetch': 'fetch pretrained weights, or a sample scan',
    'train': 'train a model',
    'test': 'test a model and report its scores',
    'compare': 'compare reports on the same volumes',
    'ablate': 'train, test and compare the variants of a study',
    'cross-validate': 'train and test a config on each fold of patients',
    'infer': 'segment an image, or a folder of them',
    'serve': 'annotate scans in a browser or a viewer',
    'flops': 'measure what each block of a model costs',
    'export': 'write a trained model as ONNX files',
}


_NEGATIVE = re.compile(r'-(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$|-(inf|nan)$',
                       re.IGNORECASE)


def make_parser(detailed: Container[str] = COMMANDS) -> ArgumentParser:
    """Make the parser of the command.

    Args:
        detailed: The subcommands whose arguments it knows. Their modules are
            imported; of the others it has the names only.
    """
    parser = ArgumentParser(
        prog='mmdbsam', description='DB-SAM segments medical images from '
        'prompts.', epilog="'mmdbsam COMMAND --help' explains a command.")
    parser.add_argument('--version', action='version', version=__version__)
    commands = parser.add_subparsers(dest='command', metavar='COMMAND',
                                     required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name, help=summary,
            formatter_class=RawDescriptionHelpFormatter)
        # Older versions of argparse take -1.2e1 for an option.
        command._negative_number_matcher = _NEGATIVE
        if name in detailed:
            module = import_module(f'mmdbsam.cli.{name.replace("-", "_")}')
            command.description = module.__doc__
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def run(words: Sequence[str]) -> None:
    """Run a subcommand.

    Args:
        words: The subcommand and its arguments.

    Raises:
        InputError: If the command cannot use what it was given.
        SystemExit: If the words do not fit the command, or ask for help.
    """
    parser = make_parser(detailed=words[:1])
    # Without a value, the next word is not meant for it.
    words = [f'{word}=auto' if word == '--amp' and follower != 'force'
             else word for word, follower in pairwise([*words, ''])]
    args = parser.parse_args(words)
    args.run(args)


def main(*command: str) -> None:
    """Run the command line of this process.

    Args:
        *command: Words that are put before those of the command line. The
            scripts in tools/ give their subcommand here.
    """
    keep_freed_memory()
    # A log on a full disk would print tracebacks beside the one line.
    logging.raiseExceptions = False
    run_cli(lambda: run([*command, *sys.argv[1:]]))
