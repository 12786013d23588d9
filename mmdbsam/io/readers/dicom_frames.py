"""Multi-frame DICOM images, such as enhanced CT, MR and PET.

Each frame says in its functional groups where it lies and how its values are
scaled (DICOM part 3, C.7.6.16). What several frames share is said once. The
images that were converted from older ones (legacy converted) do the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry, format_numbers
from mmdbsam.io.left_behind import scratch_folder
from mmdbsam.io.quiet import silence_pydicom
from mmdbsam.io.readers.dicom_grid import first_length, stack
from mmdbsam.io.readers.reader import brief, check_channel

if TYPE_CHECKING:
    from pydicom import Dataset

# What describes stored pixels, besides the pixels themselves.
_PIXELS = ('SamplesPerPixel', 'Rows', 'Columns', 'NumberOfFrames',
           'BitsAllocated', 'BitsStored', 'HighBit', 'PixelRepresentation')


@dataclass(frozen=True)
class Frame:
    """A frame and where it lies.

    Attributes:
        file: Its file.
        index: Its index in the file, from 0.
        position: The centre of its first pixel in mm, (3,).
        direction: The direction cosines of rows and columns, (6,).
        spacing: The distances (x, y) of its pixels in mm.
        thickness: The distance to the next slice in mm, as the header says.
        size: The numbers (x, y) of its pixels.
        slope: What stored values are multiplied by.
        intercept: What is added then.
    """

    file: Path
    index: int
    position: np.ndarray
    direction: np.ndarray
    spacing: tuple[float, float]
    thickness: float
    size: tuple[int, int]
    slope: float
    intercept: float


def sorted_frames(files: Sequence[Path], channel: int | None
                  ) -> tuple[list[Frame], Geometry]:
    """Sort the frames of files by their positions.

    Args:
        files: The files of a series.
        channel: The index of the wanted volume, where each position has the
            same number of frames, more than one. The volumes are counted in
            the order in which the files hold the frames of a position.

    Raises:
        InputError: If a frame has no position, the frames do not lie above
            each other on one regular grid, or there are several volumes and
            none was chosen.
    """
    try:
        from pydicom import dcmread
    except ImportError as error:
        raise InputError(f'{files[0]}: multi-frame DICOM needs pip install '
                         "'mmdbsam[dicom]'") from error
    silence_pydicom()
    frames = [frame for file in sorted(files) for frame
              in open_frames(file, dcmread(file, stop_before_pixels=True))]
    first = frames[0]
    for frame in frames:
        _check_alike(frame, first)
    row, column = first.direction.reshape(2, 3)
    direction = np.stack([row, column, np.cross(row, column)], axis=1)
    frames = _one_volume(frames, direction[:, 2], channel)
    order, geometry = stack(
        np.stack([frame.position for frame in frames]), direction,
        first.spacing, first.size, first.thickness,
        [f'frame {frame.index + 1}' for frame in frames], first.file)
    return [frames[i] for i in order], geometry


def read_frames(frames: Sequence[Frame]) -> np.ndarray:
    """Read frames, each with its own slope and intercept.

    Returns:
        np.ndarray: The values (D, H, W).

    Raises:
        InputError: If the pixels of a file cannot be read.
    """
    stored = {file: _stored_values(file)
              for file in dict.fromkeys(frame.file for frame in frames)}
    values = [stored[frame.file][frame.index] for frame in frames]
    if all(frame.slope == 1 and frame.intercept == 0 for frame in frames):
        return np.stack(values)
    scaled = np.stack([one * frame.slope + frame.intercept
                       for one, frame in zip(values, frames, strict=True)])
    whole = np.rint(scaled)
    if (whole == scaled).all() and np.abs(whole).max() < 2**31:
        narrow = np.abs(whole).max() < 2**15
        return whole.astype(np.int16 if narrow else np.int32)
    return scaled.astype(np.float32)


def _check_alike(frame: Frame, first: Frame) -> None:
    """Refuse frames whose sizes or directions differ."""
    for name in ('size', 'spacing', 'direction'):
        found, wanted = (list(getattr(one, name)) for one in (frame, first))
        if not np.allclose(found, wanted, rtol=0, atol=1e-3):
            raise InputError(
                f'{frame.file}: frame {frame.index + 1}: expected the {name} '
                f'of the first one, {format_numbers(wanted)}, found '
                f'{format_numbers(found)}')


def _one_volume(frames: list[Frame], normal: np.ndarray,
                channel: int | None) -> list[Frame]:
    """The frames of one volume, of several at the same positions."""
    places: dict[float, list[Frame]] = {}
    for frame in frames:
        places.setdefault(round(float(frame.position @ normal), 3),
                          []).append(frame)
    counts = {len(found) for found in places.values()}
    if counts == {1} or len(counts) > 1:
        return frames
    count, = counts
    chosen = check_channel(channel, count, frames[0].file)
    return [found[chosen] for found in places.values()]


def open_frames(file: Path, header: 'Dataset') -> list[Frame]:
    """Find where the frames of a file lie.

    Args:
        file: The file.
        header: Its header.

    Raises:
        InputError: If a frame does not know its place.
    """
    count = len(header.get('PerFrameFunctionalGroupsSequence') or ())
    if not count:
        raise InputError(f'{file}: expected the position of each frame '
                         '(PerFrameFunctionalGroupsSequence), found none')
    try:
        return [_frame(file, i, header) for i in range(count)]
    # A corrupt header may raise anything.
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise InputError(f'{file}: expected frames that know their place, '
                         f'found: {" ".join(str(error).split())}') from error


def functional_group(header: 'Dataset', index: int, sequence: str
                     ) -> 'Dataset':
    """What a header says about a frame, for it alone or for all frames.

    Raises:
        InputError: If it says nothing.
    """
    for groups in (header.PerFrameFunctionalGroupsSequence[index],
                   *(header.get('SharedFunctionalGroupsSequence') or ())):
        if groups.get(sequence):
            return groups[sequence][0]
    raise InputError(f'frame {index + 1}: expected {sequence}, found none')


def _frame(file: Path, index: int, header: 'Dataset') -> Frame:
    position, orientation, measures = (
        functional_group(header, index, sequence) for sequence in (
            'PlanePositionSequence', 'PlaneOrientationSequence',
            'PixelMeasuresSequence'))
    try:
        scaling = functional_group(header, index,
                                   'PixelValueTransformationSequence')
    except InputError:
        scaling = header
    # Rows are apart along y, and columns along x.
    y, x = map(float, measures.PixelSpacing)
    return Frame(
        file, index, np.array(position.ImagePositionPatient, float),
        np.array(orientation.ImageOrientationPatient, float), (x, y),
        first_length(measures.get('SpacingBetweenSlices'),
                     measures.get('SliceThickness')),
        (int(header.Columns), int(header.Rows)),
        float(scaling.get('RescaleSlope', 1)),
        float(scaling.get('RescaleIntercept', 0)))


def _stored_values(file: Path) -> np.ndarray:
    """The stored values (frames, H, W) of a file, whatever compresses them.

    GDCM decodes all transfer syntaxes but scales every frame like the first
    one, so it is given the pixels alone.
    """
    from pydicom import dcmread
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    header = dcmread(file)
    if 'PixelData' not in header:
        raise InputError(f'{file}: expected whole numbers as pixels '
                         '(PixelData), found none')
    plain = Dataset()
    plain.file_meta = FileMetaDataset()
    plain.file_meta.TransferSyntaxUID = header.file_meta.TransferSyntaxUID
    plain.SOPClassUID = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    plain.SOPInstanceUID = header.SOPInstanceUID
    plain.PhotometricInterpretation = 'MONOCHROME2'
    for keyword in (*_PIXELS, 'PixelData'):
        plain[keyword] = header[keyword]
    reader = sitk.ImageFileReader()
    reader.SetImageIO('GDCMImageIO')
    with scratch_folder() as folder:
        copy = folder / 'pixels.dcm'
        plain.save_as(copy, enforce_file_format=True)
        reader.SetFileName(str(copy))
        try:
            return sitk.GetArrayFromImage(reader.Execute())
        except RuntimeError as error:
            raise InputError(f'{file}: expected intact DICOM frames, found: '
                             f'{brief(error)}') from error
