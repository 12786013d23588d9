"""Made-up DICOM images, written with pydicom alone."""

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)

SPACE = '1.2.826.1'  # the frame of reference
AXIAL = (1, 0, 0, 0, 1, 0)


def write_slice(path, stored, position=(0, 0, 0), **tags):
    """Write the stored values (H, W) as a slice; tags change what it says."""
    header = _image(stored, CTImageStorage)
    header.PixelSpacing = [1, 1]
    header.ImagePositionPatient = list(position)
    header.ImageOrientationPatient = list(AXIAL)
    return _save(header, path, tags)


def write_slices(folder, stored, heights, **tags):
    """Write stored values (D, H, W) as a series, a file for each height."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, (values, z) in enumerate(zip(stored, heights, strict=True)):
        own = {key: value[i] if isinstance(value, list) else value
               for key, value in tags.items()}
        write_slice(folder / f'{i:03d}.dcm', values, (0, 0, z), **own)
    return folder


def write_frames(path, stored, positions, slopes=None, intercepts=None,
                 shared=(), **tags):
    """Write the stored values (N, H, W) as one enhanced CT.

    The names in ``shared`` are functional groups that all frames share, with
    those of the first frame; the others are repeated in each.
    """
    header = _image(stored, EnhancedCTImageStorage)
    header.NumberOfFrames = len(stored)
    groups = []
    for i, position in enumerate(positions):
        groups.append(dict(
            PlanePositionSequence=dict(ImagePositionPatient=list(position)),
            PlaneOrientationSequence=dict(
                ImageOrientationPatient=list(AXIAL)),
            PixelMeasuresSequence=dict(PixelSpacing=[0.5, 0.75],
                                       SliceThickness=4)))
        if slopes is not None:
            groups[i]['PixelValueTransformationSequence'] = dict(
                RescaleSlope=slopes[i], RescaleIntercept=intercepts[i],
                RescaleType='US')
    header.SharedFunctionalGroupsSequence = [dataset_of(
        **{name: groups[0][name] for name in shared})]
    header.PerFrameFunctionalGroupsSequence = [
        dataset_of(**{name: content for name, content in group.items()
                      if name not in shared}) for group in groups]
    return _save(header, path, tags)


def dataset_of(**tags):
    """A data set of these attributes; a mapping becomes a sequence of one."""
    made = Dataset()
    for keyword, value in tags.items():
        setattr(made, keyword, [dataset_of(**value)]
                if isinstance(value, dict) else value)
    return made


def save_object(path, tags):
    """Write a DICOM object of these attributes."""
    header = dataset_of(SOPClassUID='1.2.840.10008.5.1.4.1.1.66.4',
                        SOPInstanceUID=generate_uid())
    return _save(header, path, tags)


def _image(stored, kind):
    header = Dataset()
    header.SOPClassUID, header.SOPInstanceUID = kind, generate_uid()
    header.Modality, header.PatientID = 'CT', 'p1'
    header.StudyInstanceUID, header.SeriesInstanceUID = '1.2', '1.2.3'
    header.FrameOfReferenceUID = SPACE
    header.Rows, header.Columns = stored.shape[-2:]
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = 'MONOCHROME2'
    header.BitsAllocated = header.BitsStored = 8 * stored.dtype.itemsize
    header.HighBit = header.BitsStored - 1
    header.PixelRepresentation = int(stored.dtype.kind == 'i')
    header.PixelData = np.ascontiguousarray(stored).tobytes()
    return header


def _save(header, path, tags):
    for keyword, value in tags.items():
        if value is None:
            delattr(header, keyword)
        else:
            setattr(header, keyword, value)
    if 'BitsStored' in header:
        header.HighBit = header.BitsStored - 1
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.save_as(path, enforce_file_format=True)
    return path
