"""DICOM segmentation objects."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry
from mmdbsam.io.atomic import staged_file
from mmdbsam.io.readers import DicomSeriesReader
from mmdbsam.io.writers.writer import SegmentationWriter
from mmdbsam.structures.colours import label_colour
from mmdbsam.structures.results import VolumeResult
from mmdbsam.version import __version__

if TYPE_CHECKING:
    from highdicom.seg import Segmentation as DicomSegmentation
    from highdicom.seg import SegmentDescription
    from pydicom import Dataset

# The usual series number of segmentations, beyond those of the images.
_SERIES_NUMBER = 300
# Attributes of DICOM's type 2: they are empty where unknown, and some
# anonymisers leave them out.
_MAY_BE_EMPTY = ('PatientID', 'PatientName', 'PatientBirthDate', 'PatientSex',
                 'AccessionNumber', 'StudyID', 'StudyDate', 'StudyTime')


class DicomSegWriter(SegmentationWriter):
    """Writes DICOM SEG that refers to the slices of the image's series.

    The writer needs pydicom and highdicom (``pip install 'mmdbsam[dicom]'``).
    The objects are coded as tissue (SNOMED CT 85756007), whatever their names.
    """

    suffixes = ('.seg.dcm', '.dcm')
    readers = (DicomSeriesReader, )
    keeps_overlaps = True

    def check(self, image: Path, geometry: Geometry) -> None:
        """See :class:`SegmentationWriter`.

        The image must be a DICOM series that states the attributes which a SEG
        repeats.
        """
        _require_highdicom()
        slices = self._slices(image, geometry)[:1]
        trial = np.ones((int(slices[0].get('NumberOfFrames') or 1),
                         slices[0].Rows, slices[0].Columns, 1), np.uint8)
        _build(slices, image, trial, [_describe(1, 1, 'trial')])

    def write(self, result: VolumeResult, image: Path, path: Path) -> None:
        """See :class:`SegmentationWriter`."""
        _require_highdicom()
        count = len(result.ids)
        voxels = np.stack([result.mask(i) for i in range(count)], axis=-1)
        # The standard requires segments to be numbered from 1.
        described = [
            _describe(number, label_id, name) for number, (label_id, name)
            in enumerate(zip(result.ids, result.names, strict=True), start=1)]
        frames = DicomSeriesReader(self.series).frames(image)
        if frames:
            # The masks are expected in the order of the file.
            voxels = voxels[np.argsort([frame.index for frame in frames])]
        made = _build(self._slices(image, result.geometry), image,
                      voxels.view(np.uint8), described)
        with staged_file(path) as partial:
            made.save_as(partial)

    def _slices(self, image: Path, geometry: Geometry) -> list[Dataset]:
        """The headers of a series' files, in the order of the reader.

        A file of several frames is the only one.
        """
        from pydicom import dcmread
        from pydicom.valuerep import format_number_as_ds
        if not DicomSeriesReader().case_name(image):
            raise InputError(f'{image}: expected a folder of a DICOM series '
                             'to write a DICOM SEG of, found another kind; '
                             'write NIfTI or NRRD')
        spacing = format_number_as_ds(geometry['spacing'][2])
        slices = [dcmread(file, stop_before_pixels=True) for file
                  in DicomSeriesReader(self.series).files(image)]
        # highdicom repeats what the first slice states.
        first = slices[0]
        for keyword in _MAY_BE_EMPTY:
            if keyword not in first:
                setattr(first, keyword, None)
        # Frames without an object are left out, so the slice distance does not
        # follow from those that exist. Scanners often state it wrongly.
        first.SpacingBetweenSlices = spacing
        first.setdefault('SliceThickness', spacing)
        return slices


def _require_highdicom() -> None:
    try:
        import highdicom  # noqa: F401
    except ImportError as error:
        raise InputError("DICOM SEG: expected pydicom and highdicom (pip "
                         f"install 'mmdbsam[dicom]'), found: {error}"
                         ) from error


def _build(slices: Sequence[Dataset], image: Path, voxels: np.ndarray,
           described: Sequence[SegmentDescription]) -> DicomSegmentation:
    from highdicom import UID
    from highdicom.seg import Segmentation as DicomSegmentation
    try:
        with warnings.catch_warnings():
            # highdicom warns about names of one part, like an anonymous
            # patient's.
            warnings.simplefilter('ignore')
            return DicomSegmentation(
                source_images=slices,
                pixel_array=voxels,
                segmentation_type='BINARY',
                segment_descriptions=described,
                series_instance_uid=UID(),
                series_number=_SERIES_NUMBER,
                sop_instance_uid=UID(),
                instance_number=1,
                manufacturer='mmdbsam',
                manufacturer_model_name='mmdbsam',
                software_versions=__version__,
                device_serial_number='0',
                series_description='Segmentation',
                specific_character_set='ISO_IR 192')
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f'{image}: expected a series that a '
                         f'DICOM SEG can refer to, found: {error}') from error


def _describe(number: int, label_id: int, name: str) -> SegmentDescription:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentDescription
    from pydicom.sr.codedict import codes
    return SegmentDescription(
        segment_number=number,
        # DICOM's type LO has at most 64 characters.
        segment_label=name[:64],
        segmented_property_category=codes.SCT.Tissue,
        segmented_property_type=codes.SCT.Tissue,
        algorithm_type='SEMIAUTOMATIC',
        algorithm_identification=AlgorithmIdentificationSequence(
            name='DB-SAM', family=codes.DCM.ArtificialIntelligence,
            version=__version__),
        display_color=CIELabColor.from_string(label_colour(label_id)))
