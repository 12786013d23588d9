"""Volumes, pictures, arrays, and DICOM."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from PIL import Image

from campaign.subjects import Subject, rng
from mmdbsam.io.label_readers import LabelReaders
from mmdbsam.io.readers import Readers

SHAPE = (6, 16, 20)


def _values() -> np.ndarray:
    return rng().integers(0, 900, SHAPE, np.int16)


def _one_thread() -> None:
    """A forked process has none of its parent's threads."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)


def _write_volume(name: str, compressed: bool, folder: Path) -> None:
    _one_thread()
    image = sitk.GetImageFromArray(_values())
    image.SetSpacing((0.7, 0.8, 2.5))
    sitk.WriteImage(image, str(folder / name), compressed)


def _read_volume(name: str, folder: Path) -> Any:
    _one_thread()
    path = folder / name
    reader = Readers().find(path)
    geometry = reader.geometry(path)
    return sitk.GetArrayFromImage(reader.read(path)), geometry['size']


def _write_picture(name: str, folder: Path) -> None:
    pixels = rng().integers(0, 256, (40, 30), np.uint8)
    Image.fromarray(pixels).save(folder / name)


def _write_npz(folder: Path) -> None:
    values = (_values() // 4).astype(np.uint8)
    np.savez_compressed(folder / 'a.npz', imgs=values,
                        gts=(values > 99).astype(np.uint8),
                        spacing=np.array([0.7, 0.8, 2.5]))


def _write_npy(folder: Path) -> None:
    np.save(folder / 'a.npy', rng().random((20, 20, 3), np.float32))


def write_series(folder: Path) -> None:
    """A series as scanners write it, without pydicom."""
    _one_thread()
    values = _values()
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    (folder / 'series').mkdir()
    for z, plane in enumerate(values):
        image = sitk.GetImageFromArray(plane[None])
        image.SetSpacing((0.7, 0.8, 2.5))
        for key, value in {
                '0008|0060': 'CT', '0020|000e': '1.2.826.0.1.3680043.2.1125.1',
                '0020|000d': '1.2.826.0.1.3680043.2.1125.2',
                '0008|0018': f'1.2.826.0.1.3680043.2.1125.3.{z + 1}',
                '0020|0052': '1.2.826.0.1.3680043.2.1125.4',
                '0020|0032': f'0\\0\\{2.5 * z}', '0020|0013': str(z),
                '0020|0037': '1\\0\\0\\0\\1\\0', '0010|0020': 'someone',
                '0028|1052': '-100', '0028|1053': '1'}.items():
            image.SetMetaData(key, value)
        writer.SetFileName(str(folder / f'series/{z}.dcm'))
        writer.Execute(image)


def _grid() -> dict:
    return dict(size=list(SHAPE[::-1]), spacing=[0.7, 0.8, 2.5],
                origin=[0., 0., 0.],
                direction=[1., 0., 0., 0., 1., 0., 0., 0., 1.])


def _read_labels(name: str, folder: Path) -> Any:
    _one_thread()
    path = folder / name
    reader = LabelReaders().find(path)
    return (reader.names(path),
            [(sitk.GetArrayFromImage(found.values), found.names)
             for found in reader.read(path, _grid())])


def _write_segments(name: str, folder: Path) -> None:
    """Two segments that overlap, as 3 Slicer writes them."""
    _one_thread()
    masks = _values() > np.array([300, 600])[:, None, None, None]
    image = sitk.Compose([sitk.GetImageFromArray(mask.astype(np.uint8))
                          for mask in masks])
    for i, segment in enumerate(('liver', 'tumour')):
        for key, said in (('ID', f'Segment_{i}'), ('Name', segment),
                          ('LabelValue', '1'), ('Layer', str(i))):
            image.SetMetaData(f'Segment{i}_{key}', said)
    sitk.WriteImage(image, str(folder / name), True)


def _read_segments(name: str, folder: Path) -> Any:
    """The voxels alone, as nothing protects the names in the header."""
    return [values for values, _ in _read_labels(name, folder)[1]]


def _write_frames(folder: Path) -> None:
    """A DICOM file of many frames."""
    from dicom_files import write_frames
    write_frames(folder / 'a.dcm', _values(),
                 [(0, 0, 2.5 * z) for z in range(SHAPE[0])],
                 slopes=[1] * SHAPE[0], intercepts=[-100] * SHAPE[0],
                 SOPInstanceUID='1.2.826.0.1.3680043.2.1125.8')


def _write_openkbp(folder: Path) -> None:
    """A patient of OpenKBP: tables of voxels."""
    (folder / 'pt_1').mkdir()
    voxels = np.sort(rng().choice(128**3, 200, replace=False))
    for name, lines in (
            ('ct.csv', [f'{i},{i % 2000}' for i in voxels]),
            ('Brainstem.csv', [f'{i},' for i in voxels[::3]])):
        (folder / 'pt_1' / name).write_text('\n'.join([',data', *lines]))
    (folder / 'pt_1/voxel_dimensions.csv').write_text('3.5\n3.5\n2.5\n')


def _write_rtstruct(folder: Path) -> None:
    """Contours on the slices of the series."""
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = '1.2.840.10008.5.1.4.1.1.481.3'
    meta.MediaStorageSOPInstanceUID = '1.2.826.0.1.3680043.2.1125.5'
    found = FileDataset('', {}, file_meta=meta, preamble=b'\0' * 128)
    found.SOPClassUID, found.Modality = meta.MediaStorageSOPClassUID, (
        'RTSTRUCT')
    name, roi = Dataset(), Dataset()
    name.ROINumber, name.ROIName = 1, 'heart'
    roi.ReferencedROINumber, roi.ContourSequence = 1, []
    for z in range(SHAPE[0]):
        contour = Dataset()
        contour.ContourGeometricType = 'CLOSED_PLANAR'
        contour.ContourData = [f'{v:.2f}' for x, y in (
            (2, 2), (9, 2), (9, 8), (2, 8)) for v in (x, y, 2.5 * z)]
        contour.NumberOfContourPoints = 4
        roi.ContourSequence.append(contour)
    found.StructureSetROISequence = [name]
    found.ROIContourSequence = [roi]
    found.save_as(folder / 'a.dcm', enforce_file_format=True)


def _write_seg(folder: Path) -> None:
    """A SEG object on a series, which lies elsewhere."""
    import highdicom as hd
    from pydicom import dcmread
    from pydicom.sr.codedict import codes
    write_series(folder)
    sources = [dcmread(path) for path in sorted(
        (folder / 'series').iterdir())]
    for source in sources:
        source.SliceThickness = 2.5
        for key in ('PatientName', 'PatientBirthDate', 'PatientSex',
                    'StudyDate', 'StudyTime', 'AccessionNumber', 'StudyID'):
            if key not in source:
                setattr(source, key, None)
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:4, 3:9, 4:12] = 1
    hd.seg.Segmentation(
        sources, mask, hd.seg.SegmentationTypeValues.BINARY,
        [hd.seg.SegmentDescription(
            1, 'liver', codes.SCT.Organ, codes.SCT.Liver,
            hd.seg.SegmentAlgorithmTypeValues.MANUAL)],
        '1.2.826.0.1.3680043.2.1125.6', 2, '1.2.826.0.1.3680043.2.1125.7', 1,
        'nobody', 'nothing', '1', '1').save_as(folder / 'a.dcm')
    shutil.rmtree(folder / 'series')


SUBJECTS = [
    *(Subject(f'{label} volume', partial(_write_volume, name, compressed),
              partial(_read_volume, name), sealed)
      for label, name, compressed, sealed in (
          ('NIfTI, compressed', 'a.nii.gz', True, True),
          ('NIfTI', 'a.nii', False, False),
          ('MetaImage, compressed', 'a.mha', True, True),
          ('MetaImage, two files', 'a.mhd', False, False),
          ('NRRD, compressed', 'a.nrrd', True, True),
          ('NRRD, two files', 'a.nhdr', True, True))),
    *(Subject(f'{label} picture', partial(_write_picture, name),
              partial(_read_volume, name), label == 'PNG')
      for label, name in (('PNG', 'a.png'), ('JPEG', 'a.jpg'),
                          ('TIFF', 'a.tif'), ('BMP', 'a.bmp'))),
    *(Subject(f'segmentation of 3 Slicer, {name}',
              partial(_write_segments, name), partial(_read_segments, name),
              True)
      for name in ('a.seg.nrrd', 'a.seg.nhdr')),
    Subject('PNG mask', partial(_write_picture, 'a.png'),
            partial(_read_labels, 'a.png'), True),
    Subject('npz of MedSAM', _write_npz, partial(_read_volume, 'a.npz'), True),
    Subject('npz of labels', _write_npz, partial(_read_labels, 'a.npz'), True),
    Subject('npy', _write_npy, partial(_read_volume, 'a.npy')),
    Subject('DICOM series', write_series, partial(_read_volume, 'series')),
    Subject('DICOM of frames', _write_frames, partial(_read_volume, 'a.dcm')),
    Subject('CT of OpenKBP', _write_openkbp,
            partial(_read_volume, 'pt_1/ct.csv')),
    Subject('structure of OpenKBP', _write_openkbp,
            partial(_read_labels, 'pt_1/Brainstem.csv')),
    Subject('DICOM SEG', _write_seg, partial(_read_labels, 'a.dcm')),
    Subject('DICOM RTSTRUCT', _write_rtstruct, partial(_read_labels,
                                                       'a.dcm')),
]
