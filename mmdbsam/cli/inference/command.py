"""Carries out the command ``mmdbsam infer``."""

import argparse
from pathlib import Path

from mmengine.device import get_device

from mmdbsam.apis import PromptInferencer, SemanticInferencer
from mmdbsam.apis.model_zoo import own_weights
from mmdbsam.apis.refining_inferencer import RefiningInferencer
from mmdbsam.cli.inference.batch import (
    TABLE,
    find_images,
    is_batch,
    names_file,
    run_batch,
)
from mmdbsam.cli.inference.box_files import read_boxes
from mmdbsam.cli.inference.jobs import AnyInferencer, Job, stamp
from mmdbsam.cli.inference.outputs import ObjectRow, Outputs
from mmdbsam.cli.inference.prompt_sources import PromptSources
from mmdbsam.cli.inference.settings import Settings
from mmdbsam.deployment.provenance import read_provenance
from mmdbsam.deployment.runtimes import RUNTIMES
from mmdbsam.engine.config import load_named
from mmdbsam.engine.precision import amp_dtype
from mmdbsam.engine.semantic_config import is_semantic
from mmdbsam.errors import InputError
from mmdbsam.io.atomic import require_place
from mmdbsam.io.locks import locked
from mmdbsam.io.readers import Readers
from mmdbsam.io.windowing import parse_window
from mmdbsam.io.writers import Writers
from mmdbsam.reports.report.provenance import describe_checkpoints
from mmdbsam.reports.volume_overlay import OVERLAYS
from mmdbsam.structures.shard import Shard
from mmdbsam.version import __version__


def build_jobs(args: argparse.Namespace) -> list[Job]:
    """Make a job for each image that the command line names.

    Raises:
        InputError: If a file is missing, or an option is not usable.
    """
    if not args.image.exists():
        raise InputError(f'{args.image}: no such file')
    settings = Settings(
        args.axes, dict(voxel='px', mm='mm')[args.units],
        args.window and parse_window(args.window), args.channel,
        args.isotropic, args.largest_component, args.fill_holes)
    sources = None if is_automatic(args) else PromptSources(
        args.box, args.point, args.label,
        read_boxes(args.boxes) if args.boxes else (), args.prompt_mask,
        settings.plane, settings.units, args.each_slice)
    model = dict(config=args.config, precision=_precision(args),
                 version=__version__)
    if Path(args.config).is_dir():
        # Records of encoders in float32 lack the entry.
        encoder = read_provenance(Path(args.config)).get('encoder')
        model.update(exported_files=stamp(Path(args.config)),
                     runtime=args.runtime or RUNTIMES[0],
                     **dict(encoder=encoder) if encoder else {})
    elif checkpoint := args.checkpoint or own_weights(args.config):
        model.update(describe_checkpoints(
            [checkpoint] if isinstance(checkpoint, str) else checkpoint))
    if args.then_refine:
        model.update(then_refine=args.then_refine)

    def job(image: Path, labels: Path) -> Job:
        outputs = Outputs(labels, args.overlay, args.separate, args.series,
                          args.probabilities)
        return Job(image, sources, outputs, settings, model, args.series)

    if not is_batch(args.image, args.out):
        return [job(args.image, args.out)]
    readers, writers = Readers(args.series), Writers()
    images = find_images(args.image, args.out)
    return [job(image, args.out / (name + writers.suffix_for(
        readers.find(image)))) for name, image in images.items()]


def is_automatic(args: argparse.Namespace) -> bool:
    """Whether the command line's model segments without prompts.

    Raises:
        InputError: If there are options that do not fit the kind of model.
    """
    automatic = not Path(args.config).is_dir() and is_semantic(
        load_named(args.config))
    unfit = dict(box=args.box, boxes=args.boxes, point=args.point,
                 prompt_mask=args.prompt_mask, label=args.label,
                 cache=args.cache,
                 runtime=args.runtime) if automatic else dict(
        then_refine=args.then_refine, probabilities=args.probabilities)
    for name, value in unfit.items():
        if value:
            raise InputError(
                f'--{name.replace("_", "-")}: expected none, as the model of '
                f'{args.config} segments {"without" if automatic else "from"} '
                f'prompts, found {value}')
    return automatic


def make_inferencer(args: argparse.Namespace) -> AnyInferencer:
    """Make the inferencer of the command line's model.

    Raises:
        InputError: If the config or the weights cannot be used.
    """
    if not is_automatic(args):
        return PromptInferencer(args.config, args.checkpoint, args.device,
                                args.amp, args.cache, args.fetch_weights,
                                args.runtime)
    automatic = SemanticInferencer(args.config, args.checkpoint, args.device,
                                   args.amp)
    if not args.then_refine:
        return automatic
    weights = args.then_refine
    return RefiningInferencer(automatic, PromptInferencer(
        load_named(args.config).refiner,
        None if weights is True else weights, args.device, args.amp,
        fetch_weights=args.fetch_weights))


def _precision(args: argparse.Namespace) -> str:
    """The name of the number format that the model computes in."""
    if Path(args.config).is_dir():
        return 'float32'
    device = get_device() if args.device == 'auto' else args.device
    return str(amp_dtype(args.amp, device.split(':')[0])
               ).removeprefix('torch.')


def check_batch(args: argparse.Namespace) -> None:
    """Refuse options of a batch that fit a single image only.

    Raises:
        InputError: If an output names a single file.
    """
    if names_file(args.out):
        raise InputError(f'{args.out}: expected a folder for the results of '
                         'a folder of images, found the name of a file')
    if args.overlay and f'.{args.overlay}' not in OVERLAYS:
        raise InputError(
            f'--overlay {args.overlay}: expected one of '
            f'{", ".join(suffix[1:] for suffix in OVERLAYS)} for a folder of '
            'images')


def print_rows(rows: list[ObjectRow]) -> None:
    """Print the objects and their volumes in columns."""
    width = max(len(row.name) for row in rows)
    for row in rows:
        volume = ('' if row.volume_ml is None
                  else f'{row.volume_ml:10.2f} mL')
        print(f'{row.label:5} {row.name:{width}} {row.voxels:10} voxels'
              f'{volume}  confidence {row.confidence:.2f}')


def infer(args: argparse.Namespace) -> None:
    """Segment what the command line of ``mmdbsam infer`` names.

    Args:
        args: The arguments of :func:`mmdbsam.cli.infer.add_arguments`.

    Raises:
        InputError: If an argument is not usable, or some images of a folder
            could not be segmented.
    """
    batch = is_batch(args.image, args.out)
    if batch:
        check_batch(args)
    elif args.shard:
        raise InputError(f'--shard: expected a folder of images, found '
                         f'{args.image}')
    jobs = build_jobs(args)
    if batch and jobs[0].sources:
        jobs[0].sources.check_images(
            name for job in jobs for name in (job.name, job.image.name))
    if batch:
        # Otherwise each image would be left out for it.
        require_place(args.out / TABLE)
    if batch and args.shard:
        jobs = Shard.parse(args.shard).of(jobs, 'images')
    elif not batch:
        jobs[0].check()
    inferencer = make_inferencer(args)
    if not batch:
        with locked(jobs[0].outputs.record):
            report = jobs[0].run(inferencer)
        print_rows(report.rows)
        print(f'labels: {args.out}\ntime:   {report}')
    elif left_out := run_batch(jobs, inferencer, args.out, args.shard):
        raise InputError(f'{left_out} of {len(jobs)} images left out, see '
                         'the problems above')
