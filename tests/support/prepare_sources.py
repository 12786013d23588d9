"""Real scans, written in every layout of docs/prepare_your_data.md."""

import json
import shutil
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from PIL import Image

DATA = Path(__file__).parents[1] / 'data'
SHARED = Path(__file__).parents[3] / 'shared/data'
SEG = SHARED / 'dicom_ct/liver.seg.dcm'


def ct_spine(root):
    """The sample as it lies in the repository."""
    shutil.copytree(DATA / 'ct_spine', root)


def mr_spine(root):
    """The sample as it lies in the repository."""
    shutil.copytree(DATA / 'mr_spine', root)


def nnunet(root):
    """A CT and a second channel, as nnU-Net names them."""
    for folder in ('imagesTr', 'labelsTr'):
        (root / folder).mkdir(parents=True)
    for channel in (0, 1):
        shutil.copy(DATA / 'ct_spine/images/lumbar.nii.gz',
                    root / f'imagesTr/spine_001_000{channel}.nii.gz')
    shutil.copy(DATA / 'ct_spine/labels/lumbar.nii.gz',
                root / 'labelsTr/spine_001.nii.gz')
    (root / 'dataset.json').write_text(json.dumps(dict(labels={
        'background': 0, 'L2': 21, 'L3': 22, 'L4': 23})))


def totalsegmentator(root):
    """The chest, with a file for each structure."""
    _structures(root / 's0001/segmentations')
    shutil.copy(DATA / 'chest_slab/images/chest.nii.gz',
                root / 's0001/ct.nii.gz')
    (root / 'meta.csv').write_text('image_id;age;split\ns0001;60;test\n')


def structures(root):
    """The chest, with a folder of structures as its label."""
    _structures(root / 'labels/chest')
    shutil.copytree(DATA / 'chest_slab/images', root / 'images')


def openkbp(root):
    """The lumbar spine as OpenKBP's tables of voxels."""
    folder = root / 'provided-data/test-pats/pt_301'
    folder.mkdir(parents=True)
    image = sitk.ReadImage(str(DATA / 'ct_spine/images/lumbar.nii.gz'))
    label = sitk.GetArrayFromImage(sitk.ReadImage(
        str(DATA / 'ct_spine/labels/lumbar.nii.gz')))
    x, y, z = image.GetSpacing()
    (folder / 'voxel_dimensions.csv').write_text(f'{y:e}\n{x:e}\n{z:e}\n')
    values = sitk.GetArrayFromImage(image) + 1024
    _voxel_table(folder / 'ct.csv', values.clip(0), values.clip(0))
    for value, name in ((21, 'L2'), (22, 'L3'), (23, 'L4')):
        _voxel_table(folder / f'{name}.csv', label == value)
    for name in ('dose', 'possible_dose_mask', 'Larynx'):
        (folder / f'{name}.csv').write_text(',data\n')


def _voxel_table(path, voxels, values=None):
    """List the voxels (z, y, x), from the feet up, that are not 0."""
    padding = [(0, 128 - side) for side in voxels.shape]
    voxels, values = (
        None if one is None else
        np.pad(one, padding)[::-1].transpose(1, 2, 0).ravel()
        for one in (voxels, values))
    path.write_text(',data\n' + ''.join(
        f'{i},{"" if values is None else float(values[i])}\n'
        for i in np.flatnonzero(voxels)))


def _structures(folder):
    folder.mkdir(parents=True)
    label = sitk.ReadImage(str(DATA / 'chest_slab/labels/chest.nii.gz'))
    for line in (DATA / 'chest_slab/labels.csv').read_text().splitlines()[1:]:
        value, name = line.split(',')
        sitk.WriteImage(label == int(value), str(folder / f'{name}.nii.gz'))


def dicom_nrrd(root):
    """A CT series and a label map drawn on it."""
    _series(root)
    shutil.copy(SHARED / 'dicom_ct/liver_seg.nrrd', root / 'labels/ct.nrrd')


def dicom_seg(root):
    """A CT series and a SEG object."""
    _series(root)
    shutil.copy(SEG, root / 'labels/ct.dcm')


def dicom_rtstruct(root):
    """A CT series and a square contour on each of its slices."""
    from pydicom import dcmread
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    _series(root)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = '1.2.840.10008.5.1.4.1.1.481.3'
    meta.MediaStorageSOPInstanceUID = generate_uid()
    rtstruct = FileDataset('', {}, file_meta=meta, preamble=b'\0' * 128)
    rtstruct.SOPClassUID = meta.MediaStorageSOPClassUID
    rtstruct.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    rtstruct.Modality = 'RTSTRUCT'
    name, roi = Dataset(), Dataset()
    name.ROINumber, name.ROIName = 1, 'heart'
    roi.ReferencedROINumber, roi.ContourSequence = 1, []
    for path in sorted((root / 'images/ct').iterdir()):
        x, y, z = map(float, dcmread(path).ImagePositionPatient)
        contour = Dataset()
        contour.ContourGeometricType = 'CLOSED_PLANAR'
        corners = [(x + dx, y + dy, z) for dx, dy in (
            (100, 100), (180, 100), (180, 160), (100, 160))]
        contour.ContourData = [f'{v:.4f}' for c in corners for v in c]
        contour.NumberOfContourPoints = 4
        roi.ContourSequence.append(contour)
    rtstruct.StructureSetROISequence = [name]
    rtstruct.ROIContourSequence = [roi]
    rtstruct.save_as(root / 'labels/ct.dcm', enforce_file_format=True)


def _series(root):
    shutil.copytree(SHARED / 'dicom_ct/series', root / 'images/ct')
    (root / 'labels').mkdir()


def table(root):
    """Two scans by their paths."""
    shutil.copytree(DATA / 'ct_spine', root / 'somewhere')
    shutil.copytree(DATA / 'chest_slab', root / 'elsewhere')
    (root / 'cases.csv').write_text(
        'image,label,split,group\n'
        'somewhere/images/lumbar.nii.gz,somewhere/labels/lumbar.nii.gz,train,'
        'p1\nelsewhere/images/chest.nii.gz,elsewhere/labels/chest.nii.gz,test'
        ',p2\n')


def pictures(root):
    """CT slices as PNG, with a mask for each object."""
    shutil.copytree(SHARED / 'png_ct', root)


def masks(root):
    """Slices of the chest as JPEG, with masks of colours."""
    image, label = _chest()
    colours = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)
    colours[0] = 0
    for folder in ('images', 'masks'):
        (root / folder).mkdir(parents=True)
    for index in (0, 1):
        Image.fromarray(image[index]).save(root / f'images/{index}.jpg')
        Image.fromarray(colours[label[index]]).save(
            root / f'masks/{index}.png')


def npz(root):
    """The chest as MedSAM's scripts write it."""
    image, label = _chest()
    root.mkdir(parents=True)
    np.savez_compressed(root / 'CT_chest.npz', imgs=image, gts=label,
                        spacing=(0.7, 0.7, 2.5))


def npy(root):
    """The chest as MedSAM is trained on it."""
    image, label = _chest()
    for folder in ('imgs', 'gts'):
        (root / folder).mkdir(parents=True)
    for index in (0, 1):
        np.save(root / f'imgs/CT_chest-{index:03d}.npy', np.repeat(
            image[index, ..., None] / 255, 3, axis=-1))
        np.save(root / f'gts/CT_chest-{index:03d}.npy', label[index])


def tasks(root):
    """Two tasks as DB-SAM's release tests them."""
    image, label = _chest()
    for task, value in (('01-CT_Aorta', 52), ('17-CT_Lungs', 11)):
        (root / task).mkdir(parents=True)
        np.savez_compressed(
            root / task / 'case.npz', gts=(label == value).astype(np.uint8),
            imgs=np.repeat(image[..., None], 3, axis=-1))


def _chest():
    """Both slices in 8 bits, and their labels."""
    image, label = (sitk.GetArrayFromImage(sitk.ReadImage(
        str(DATA / f'chest_slab/{name}/chest.nii.gz')))
        for name in ('images', 'labels'))
    return ((image + 160) / 400 * 255).clip(0, 255).astype(np.uint8), label


SOURCES = {source.__name__: source for source in (
    ct_spine, mr_spine, nnunet, totalsegmentator, structures, dicom_nrrd,
    dicom_seg, dicom_rtstruct, table, pictures, masks, npz, npy, tasks,
    openkbp)}
NEED_SHARED = {'dicom_nrrd', 'dicom_seg', 'dicom_rtstruct', 'pictures'}
