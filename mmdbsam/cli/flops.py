"""Measure what each block of a model costs.

``mmdbsam flops configs/dbsam_tinyvit_ct.py`` encodes one image and decodes its
prompts. For each block it prints the parameters, the operations (where a
multiplication and an addition count as two), the time, and the peak of the
memory beyond what was in use before; ``--json FILE`` writes them too. The
operations follow from the model's equations; time and memory are measured on
this machine, with random weights.
"""

import argparse
import json
from pathlib import Path

from mmdbsam.cli.options import (
    add_amp_argument,
    add_runner_arguments,
    load_config,
)
from mmdbsam.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument('config', help='a path, or a name of the model zoo')
    parser.add_argument('--prompts', type=int, default=1,
                        help='the number of boxes to decode')
    parser.add_argument('--runs', type=int, default=5,
                        help='the number of timed runs, after one that is '
                        'not timed')
    add_amp_argument(parser)
    parser.add_argument('--json', metavar='FILE',
                        help='write the numbers to this file too')
    add_runner_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Print the table, and write the file if there is one to write."""
    import torch
    from mmengine.registry import init_default_scope

    from mmdbsam.engine.costs import count_operations, measure, parameters
    from mmdbsam.engine.precision import NOTE, amp_dtype
    from mmdbsam.io.atomic import write_text
    from mmdbsam.registry import MODELS
    if args.json and not Path(args.json).resolve().parent.is_dir():
        raise InputError(f'--json {args.json}: no such folder')
    cfg = load_config(args)
    init_default_scope('mmdbsam')
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    model = MODELS.build(cfg.model).to(device).eval()
    rows = parameters(model)
    operations = count_operations(cfg, args.prompts)
    dtype = amp_dtype(args.amp, device)
    if args.amp and dtype == torch.float32:
        print(NOTE)
    measured = measure(model, args.prompts, device, args.runs, dtype)
    summary = dict(
        config=args.config, image_side=model.data_preprocessor.size,
        prompts=args.prompts, device=device, threads=torch.get_num_threads(),
        precision=str(dtype).removeprefix('torch.'), blocks=rows)
    for name, row in rows.items():
        row.update(flops=operations[name],
                   **{key: values[name] for key, values in measured.items()})
    print_table(summary)
    if args.json:
        write_text(Path(args.json), json.dumps(summary, indent=2))


def print_table(summary: dict) -> None:
    """Print a table with a row for each block, in GitHub's markdown."""
    print(f'{summary["config"]}: {summary["image_side"]} px, '
          f'{summary["prompts"]} prompt(s), {summary["device"]}, '
          f'{summary["threads"]} threads, {summary["precision"]}\n')
    print('| block | trained (M) | frozen (M) | GFLOPs | ms | peak memory '
          '(MB) |\n|---|---:|---:|---:|---:|---:|')
    for name, row in summary['blocks'].items():
        print(f'| {name} | {row["trained"] / 1e6:.2f} | '
              f'{row["frozen"] / 1e6:.2f} | {row["flops"] / 1e9:.1f} | '
              f'{row["seconds"] * 1e3:.0f} | {row["bytes"] / 1e6:.0f} |')
