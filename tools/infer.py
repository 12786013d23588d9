"""Segment an image, or a folder of them, from prompts.

``python tools/infer.py ct.nii.gz -o liver.seg.nrrd --box 60 120 20 290 380 70
--label liver`` writes what the box encloses as a label volume of exactly the
image's size, spacing, origin and direction, with a table of volumes.
docs/inference.md explains the rest.
"""

import argparse
from pathlib import Path

from mmdbsam.apis import PromptInferencer
from mmdbsam.cli.inference import (
    Job,
    ObjectRow,
    Outputs,
    PromptSources,
    Settings,
    find_images,
    is_batch,
    read_boxes,
    run_batch,
    stamp,
)
from mmdbsam.errors import InputError, run_cli
from mmdbsam.io.readers import Readers
from mmdbsam.io.writers import Writers
from mmdbsam.preparation import ORIENTATIONS, parse_window
from mmdbsam.version import __version__
from mmdbsam.visualization import OVERLAYS


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'image', type=Path, help='an image or volume, a folder of a DICOM '
        'series, or a folder of such for a batch')
    parser.add_argument(
        '-o', '--out', type=Path, required=True, help='the label volume: '
        '.nii.gz, .nrrd (.seg.nrrd opens as a segmentation in 3D Slicer), '
        '.mha, .dcm (DICOM SEG, of a DICOM series), or .png of an image in a '
        'plane; the folder of a batch')
    _add_prompts(parser.add_argument_group('what is segmented'))
    _add_model(parser.add_argument_group('by which model'))
    _add_settings(parser.add_argument_group('how'))
    _add_outputs(parser.add_argument_group('what else is written'))
    return parser.parse_args()


def _add_prompts(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--box', nargs='+', action='append', default=[], metavar='N',
        help='x0 y0 z0 x1 y1 z1, the first and last voxels of an object; x0 '
        'y0 x1 y1 in a plane; may be repeated')
    group.add_argument(
        '--boxes', type=Path, metavar='FILE', help='.csv or .json of boxes: '
        'name, x0 y0 z0 x1 y1 z1, or x0 y0 x1 y1 and the slice, from which '
        'the object is followed; in a batch also image')
    group.add_argument(
        '--point', nargs='+', action='append', default=[], metavar='N',
        help='x y z [1 or 0], a voxel of the object or of its background; all '
        'on one slice, from which the object is followed')
    group.add_argument(
        '--prompt-mask', type=Path, metavar='FILE', help='a label volume on '
        "the image's grid: the boxes of its labels are the prompts; in a "
        'batch a folder of them')
    group.add_argument(
        '--label', action='append', default=[], metavar='NAME',
        help='of the object of each --box, then of --point and --prompt-mask')
    group.add_argument(
        '--units', choices=('voxel', 'mm'), default='voxel', help='of the '
        "prompts; mm are the scanner's, LPS (default: %(default)s)")


def _add_model(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--config', default='dbsam_tinyvit_ct', help='a path, a name of the '
        'model zoo, or the folder of an exported model (default: %(default)s)')
    group.add_argument(
        '--checkpoint', type=Path, help='of a training; without it the model '
        'is the one that the training starts from')
    group.add_argument('--fetch-weights', action='store_true',
                       help='fetch released weights that are missing')
    group.add_argument('--device', default='auto',
                       help='as cpu or cuda:0 (default: %(default)s)')
    group.add_argument('--amp', action='store_true', help='mixed precision: '
                       'bfloat16, or float16 on a GPU without')


def _add_settings(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--axes', choices=(*ORIENTATIONS, 'all'), default='axial',
        help='of the slices; all for the mean of the three (default: '
        '%(default)s)')
    group.add_argument(
        '--window', nargs='+', metavar='LEVEL WIDTH', help='as for '
        "tools/prepare_data.py (default: the config's)")
    group.add_argument('--channel', type=int, metavar='N',
                       help='which volume of a 4-D image, from 0')
    group.add_argument(
        '--series', nargs='+', default=(), metavar='UID',
        help='the DICOM series to take from a folder that holds several')
    group.add_argument(
        '--isotropic', type=float, metavar='MM', help='resample to voxels of '
        "this side before; the result is on the image's grid all the same")
    group.add_argument('--largest-component', action='store_true',
                       help="keep each object's largest component only")
    group.add_argument('--fill-holes', action='store_true',
                       help='fill what each object encloses')
    group.add_argument(
        '--cache', type=Path, metavar='DIR', help='keep embeddings there, so '
        'that other prompts of the image answer at once')


def _add_outputs(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--overlay', metavar='FILE', help='.png or .jpg (up to 8 slices), '
        '.mp4 or .html (all); or png, jpg, mp4 or html, for one beside OUT')
    group.add_argument(
        '--separate', action='store_true', help='a label volume for each '
        'object, OUT with its name; else, of objects that overlap, the '
        'smallest is shown')


def build_jobs(args: argparse.Namespace) -> list[Job]:
    """The images that the command line names.

    Raises:
        InputError: If an option does not fit.
    """
    if not args.image.exists():
        raise InputError(f'{args.image}: no such file')
    settings = Settings(
        args.axes, dict(voxel='px', mm='mm')[args.units],
        args.window and parse_window(args.window), args.channel,
        args.isotropic, args.largest_component, args.fill_holes)
    sources = PromptSources(
        args.box, args.point, args.label,
        read_boxes(args.boxes) if args.boxes else (), args.prompt_mask,
        settings.plane, settings.units)
    model = dict(config=args.config, amp=args.amp, version=__version__)
    if Path(args.config).is_dir():
        model.update(exported_files=stamp(Path(args.config)))
    if args.checkpoint:
        if not args.checkpoint.is_file():
            raise InputError(f'{args.checkpoint}: no such file')
        model.update(checkpoint=str(args.checkpoint),
                     checkpoint_file=stamp(args.checkpoint))

    def job(image: Path, labels: Path) -> Job:
        outputs = Outputs(labels, args.overlay, args.separate, args.series)
        return Job(image, sources, outputs, settings, model, args.series)

    if not is_batch(args.image):
        return [job(args.image, args.out)]
    readers, writers = Readers(args.series), Writers()
    images = find_images(args.image, args.out)
    return [job(image, args.out / (name + writers.suffix_for(
        readers.find(image)))) for name, image in images.items()]


def check_batch(args: argparse.Namespace) -> None:
    """Refuse what fits a single image only.

    Raises:
        InputError: If something does.
    """
    if args.out.is_file() or any(
            writer.stem(args.out) for writer in Writers().writers):
        raise InputError(f'{args.out}: expected a folder for the results of '
                         'a folder of images, found the name of a file')
    if args.overlay and f'.{args.overlay}' not in OVERLAYS:
        raise InputError(
            f'--overlay {args.overlay}: expected one of '
            f'{", ".join(suffix[1:] for suffix in OVERLAYS)} for a folder of '
            'images')


def print_rows(rows: list[ObjectRow]) -> None:
    """Print the objects' volumes in columns."""
    width = max(len(row.name) for row in rows)
    for row in rows:
        volume = ('' if row.volume_ml is None
                  else f'{row.volume_ml:10.2f} mL')
        print(f'{row.label:5} {row.name:{width}} {row.voxels:10} voxels'
              f'{volume}  confidence {row.confidence:.2f}')


def main() -> None:
    """Segment what the command line names."""
    args = parse_args()
    batch = is_batch(args.image)
    if batch:
        check_batch(args)
    jobs = build_jobs(args)
    if batch:
        jobs[0].sources.check_images(
            name for job in jobs for name in (job.name, job.image.name))
    else:
        jobs[0].check()
    inferencer = PromptInferencer(
        args.config, args.checkpoint, args.device, args.amp, args.cache,
        args.fetch_weights)
    if not batch:
        print_rows(jobs[0].run(inferencer))
        print(f'labels: {args.out}')
    elif left_out := run_batch(jobs, inferencer, args.out):
        raise InputError(f'{left_out} of {len(jobs)} images left out, see '
                         'the problems above')


if __name__ == '__main__':
    run_cli(main)
