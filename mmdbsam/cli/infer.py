"""Segment an image, or a folder of them, from prompts.

``mmdbsam infer ct.nii.gz -o liver.seg.nrrd --box 60 120 20 290 380 70 --label
liver`` writes what the box encloses as a label volume of exactly the image's
size, spacing, origin and direction, with a table of volumes. docs/inference.md
explains the rest.
"""

import argparse
from pathlib import Path

# A plane of the slices; 'all' is the mean of the three.
_AXES = ('axial', 'coronal', 'sagittal', 'all')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
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
        '--axes', choices=_AXES, default='axial',
        help='of the slices; all for the mean of the three (default: '
        '%(default)s)')
    group.add_argument(
        '--window', nargs='+', metavar='LEVEL WIDTH', help='as for '
        "mmdbsam prepare (default: the config's)")
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


def run(args: argparse.Namespace) -> None:
    """Segment what the command line names."""
    from mmdbsam.cli.inference.command import infer
    infer(args)
