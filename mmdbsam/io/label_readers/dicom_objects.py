"""DICOM objects that label a series: SEG and RTSTRUCT."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry
from mmdbsam.io.label_readers import dicom_rtstruct, dicom_seg
from mmdbsam.io.label_readers.dicom_names import numbered
from mmdbsam.io.label_readers.label_reader import LabelMap, LabelReader
from mmdbsam.io.quiet import silence_pydicom
from mmdbsam.io.readers.reader import DICOM_SUFFIXES, dicom_name

# The module that reads each modality.
_KINDS = {'SEG': dicom_seg, 'RTSTRUCT': dicom_rtstruct}


class DicomObjectReader(LabelReader):
    """A DICOM file with segments (SEG) or contours (RTSTRUCT).

    Its name ends in ``.dcm``, or in nothing that tells its kind. Each segment
    or region is a label of its own and may overlap others. Where several have
    the same name, the later ones are numbered.
    """

    def case_name(self, path: Path) -> str | None:
        """See :class:`LabelReader`."""
        return dicom_name(path, ('.seg.dcm', *DICOM_SUFFIXES))

    def names(self, path: Path) -> list[str]:
        """See :class:`LabelReader`."""
        kind = _kind(path)
        try:
            return numbered(kind.names(path))
        except InputError:
            raise
        # pydicom does not document what it raises for a corrupt object.
        except Exception as error:
            raise _corrupt(path, error) from error

    def read(self, path: Path, grid: Geometry, space: str | None = None
             ) -> Iterator[LabelMap]:
        """See :class:`LabelReader`."""
        kind = _kind(path)
        try:
            _check_space(kind.spaces(path), space, path)
            names = numbered(kind.names(path))
            maps = kind.masks(path, grid)
            for name, mask in zip(names, maps, strict=True):
                yield LabelMap(mask, {1: name}, partial=True)
        except InputError:
            raise
        # A corrupt object may raise anything, as in names.
        except Exception as error:
            raise _corrupt(path, error) from error


def _check_space(found: set[str], space: str | None, path: Path) -> None:
    """Refuse positions that are those of another image's space."""
    if space and found and space not in found:
        raise InputError(
            f'{path}: expected the FrameOfReferenceUID of its image, {space}, '
            f'found {", ".join(sorted(found))}; positions in one say nothing '
            'about the other, so register the images and resample the labels')


def _kind(path: Path) -> ModuleType:
    """The module that reads a DICOM object.

    Raises:
        InputError: If the object is of another kind, or pydicom is not
            installed.
    """
    try:
        from pydicom import dcmread
    except ImportError as error:
        raise InputError(f'{path}: DICOM labels need pip install '
                         "'mmdbsam[dicom]'") from error
    silence_pydicom()
    try:
        modality = dcmread(path, stop_before_pixels=True,
                           specific_tags=['Modality']).get('Modality')
    # A corrupt file may raise anything here too.
    except Exception as error:
        raise _corrupt(path, error) from error
    if modality not in _KINDS:
        raise InputError(f'{path}: expected DICOM {" or ".join(_KINDS)}, '
                         f'found {modality or "no modality"}')
    return _KINDS[modality]


def _corrupt(path: Path, error: Exception) -> InputError:
    reason = ' '.join(str(error).split()) or type(error).__name__
    return InputError(f'{path}: expected an intact DICOM SEG or RTSTRUCT, '
                      f'found: {reason}')
