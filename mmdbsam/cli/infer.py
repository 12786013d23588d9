"""Segment an image, or a folder of them, from prompts or without any.

``mmdbsam infer ct.nii.gz -o liver.seg.nrrd --box 60 120 20 290 380 70 --label
liver`` segments the object in the box. It writes a label volume with exactly
the image's size, spacing, origin and direction, and a table of the objects'
volumes. docs/inference.md explains the rest.

``mmdbsam infer ct.nii.gz -o organs.nii.gz --config dbsam_tinyvit_uper_ct
--checkpoint FILE`` finds all structures that the model was trained for; see
docs/semantic.md.
"""

import argparse
from pathlib import Path

from mmdbsam.cli.options import add_model_arguments

# The planes of the slices; 'all' averages the three.
_AXES = ('axial', 'coronal', 'sagittal', 'all')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument(
        'image', type=Path, help='an image or a volume, the folder of a DICOM '
        'series, or a folder of any of these, which makes a batch')
    parser.add_argument(
        '-o', '--out', type=Path, required=True, help='the label volume '
        'to write: .nii.gz, .nrrd (.seg.nrrd opens as a segmentation in 3D '
        'Slicer), .mha, .dcm (DICOM SEG, for a DICOM series) or .png (for a '
        'planar image); in a batch, the folder to write to')
    _add_prompts(parser.add_argument_group('prompts'))
    add_model_arguments(parser.add_argument_group('model'))
    _add_settings(parser.add_argument_group('settings'))
    _add_automatic(parser.add_argument_group('models without prompts'))
    _add_outputs(parser.add_argument_group('further outputs'))


def _add_prompts(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--box', nargs='+', action='append', default=[], metavar='N',
        help='a box x0 y0 z0 x1 y1 z1 of the first and last voxels of an '
        'object, or x0 y0 x1 y1 in a planar image; may be repeated')
    group.add_argument(
        '--each-slice', action='store_true', help='let a box of six numbers '
        'prompt each slice that it cuts; without it, the object is followed '
        'within the box')
    group.add_argument(
        '--boxes', type=Path, metavar='FILE', help='a .csv or .json file of '
        'boxes: each has a name and x0 y0 z0 x1 y1 z1, or x0 y0 x1 y1 and the '
        'slice from which the object is followed; in a batch also the image')
    group.add_argument(
        '--point', nargs='+', action='append', default=[], metavar='N',
        help='a point x y z [1 or 0], a voxel of the object (1, the default) '
        'or of its background (0); all points are on one slice, from which '
        'the object is followed; may be repeated')
    group.add_argument(
        '--prompt-mask', type=Path, metavar='FILE', help='a label volume on '
        "the image's grid, whose labels' boxes are the prompts; in a batch, a "
        'folder of label volumes')
    group.add_argument(
        '--label', action='append', default=[], metavar='NAME',
        help='the name of an object; repeat it for each --box, then for '
        '--point and --prompt-mask')
    group.add_argument(
        '--units', choices=('voxel', 'mm'), default='voxel', help='the units '
        "of the prompts; mm are in the scanner's space, LPS (default: "
        '%(default)s)')


def _add_settings(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--axes', choices=_AXES, default='axial',
        help='the plane of the slices; all averages the three (default: '
        '%(default)s)')
    group.add_argument(
        '--window', nargs='+', metavar='LEVEL WIDTH', help='the grey-value '
        "window, given as to mmdbsam prepare (default: the config's)")
    group.add_argument('--channel', type=int, metavar='N', help='the volume '
                       'to take from a 4-D image, counted from 0')
    group.add_argument(
        '--series', nargs='+', default=(), metavar='UID',
        help='the DICOM series to take from a folder that holds several')
    group.add_argument(
        '--isotropic', type=float, metavar='MM', help='resample the image to '
        'cubic voxels of this side before it is segmented; the result is on '
        "the image's own grid either way")
    group.add_argument('--largest-component', action='store_true',
                       help="keep only each object's largest component")
    group.add_argument('--fill-holes', action='store_true',
                       help='fill the holes that each object encloses')
    group.add_argument(
        '--shard', metavar='K/N', help='in a batch, segment the K-th of N '
        'parts of the images, as one of several machines or jobs')
    group.add_argument(
        '--cache', type=Path, metavar='DIR', help='keep embeddings in this '
        'folder, so that other prompts of the image are answered at once')


def _add_automatic(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--then-refine', nargs='?', const=True, default=None,
        metavar='CHECKPOINT', help="give the boxes of the masks to the "
        "promptable model that the config names as refiner; without a value, "
        'with the weights that infer takes for it')
    group.add_argument(
        '--probabilities', action='store_true', help='write the probability '
        'of the background and of each structure to OUT.probabilities.nii.gz, '
        'a 4-D volume')


def _add_outputs(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--overlay', metavar='FILE', help='draw the result on the image: in a '
        '.png or .jpg (up to 8 slices), or in a .mp4 or .html (all slices); '
        'png, jpg, mp4 or html alone names a file beside OUT')
    group.add_argument(
        '--separate', action='store_true', help='write a label volume for '
        'each object, named after OUT and the object; without it, the '
        'smallest of overlapping objects is shown')


def run(args: argparse.Namespace) -> None:
    """Segment what the command line names."""
    from mmdbsam.cli.inference.command import infer
    infer(args)
