"""Small files that would fill the memory or the disk, or never end."""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import SimpleITK as sitk
import torch
from onnx import TensorProto, helper
from torch import nn

from campaign import subjects_images as images
from campaign import subjects_models as models
from campaign import subjects_tables as tables
from campaign.large_files import (
    BEYOND,
    BLOCK,
    MANY,
    MOST,
    gzipped,
    mha,
    nifti,
    npy,
    nrrd,
    png,
    tiff,
    zeros,
    zipped,
    zlibbed,
)
from campaign.trial import Verdict, attempt
from mmdbsam.cli.inference.box_files import read_boxes
from mmdbsam.engine.run_scalars import read_scalars
from mmdbsam.io.label_readers import LabelReaders
from mmdbsam.reports.report.predictions import load_predictions
from mmdbsam.weights.loading import load_weights
from mmdbsam.weights.trained import read_trained

_GREAT = 2**40


@dataclass(frozen=True)
class Bomb:
    """A file that is refused.

    Attributes:
        name: Its name in tables.
        make: Writes the file, and what belongs to it, to a folder.
        read: Reads it as a command does.
    """

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], Any]


def explode(bomb: Bomb, folder: Path) -> Verdict:
    """Make a bomb in a folder, and read it in a process of its own."""
    made = attempt(lambda: bomb.make(folder), folder)
    assert made.kind == 'other', made.text
    before = {*folder.rglob('*')}
    verdict = attempt(lambda: bool(bomb.read(folder)), folder)
    left = [path for path in folder.rglob('*') if path not in before
            and path.name.startswith('.')]
    return Verdict('half-written', str(left)) if left else verdict


def _write(name: str, content: Callable[[], bytes | str], folder: Path
           ) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    value = content()
    (folder / name).write_bytes(value.encode() if isinstance(value, str)
                                else value)


def _write_dicom(kind: str, folder: Path) -> None:
    """A DICOM object that declares, or holds, too much."""
    if kind == 'segmentation':
        images._write_seg(folder)
    else:
        images.write_series(folder)
    from pydicom import dcmread
    path = folder / ('a.dcm' if kind == 'segmentation' else 'series/0.dcm')
    found = dcmread(path)
    if kind == 'deflated':
        from pydicom.uid import DeflatedExplicitVRLittleEndian
        found.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        found.save_as(path, enforce_file_format=True)
        # The rest of the file is the deflated content.
        whole = path.read_bytes()
        start = len(whole) - len(_deflated(whole))
        # A length of four bytes.
        element = struct.pack('<HH2sHI', 0x7fe0, 0x10, b'OW', 0,
                              MOST * BLOCK)
        path.write_bytes(whole[:start] + zeros(MOST, element)[0])
        return
    found.Rows = found.Columns = 65535
    if kind != 'one slice':
        found.NumberOfFrames = 2**31 - 1
    found.save_as(path)


def _deflated(whole: bytes) -> bytes:
    """The end of a DICOM file, after its group 2."""
    length, = struct.unpack_from('<I', whole, 140)
    return whole[144 + length:]


def _read_volume(name: str, folder: Path) -> Any:
    return images._read_volume(name, folder)[1]


def _read_labels(name: str, folder: Path) -> Any:
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    path = folder / name
    reader = LabelReaders().find(path)
    return [reader.names(path), [one.values.GetSize() for one in reader.read(
        path, images._grid())]]


def _write_checkpoint(folder: Path) -> None:
    """A checkpoint whose one number stands for 2^40."""
    weights = models._weights()
    weights['0.weight'] = torch.zeros(1).expand(_GREAT)
    torch.save(dict(state_dict=weights), folder / 'a.pth')


def _write_cache(folder: Path) -> None:
    models._write_cache(folder)
    path, = (folder / 'cache').iterdir()
    torch.save(torch.zeros(1, 1, 1).expand(_GREAT, 1, 1), path)


def _write_zipped_checkpoint(folder: Path) -> None:
    _write('a.pth', partial(zipped, 'archive/data.pkl', MANY), folder)


def _write_safetensors(header: bytes, folder: Path) -> None:
    (folder / 'a.safetensors').write_bytes(
        struct.pack('<Q', len(header)) + header)


def _write_export(kind: str, folder: Path) -> None:
    """An export whose metadata or weights are too much."""
    models._write_export(folder)
    path = folder / 'encoder.onnx'
    model = onnx.load(path)
    if kind == 'metadata':
        model.metadata_props[0].value = '[' * 50_000_000
    elif kind == 'constant':
        shape = helper.make_tensor('shape', TensorProto.INT64, [3],
                                   [2**17, 2**17, 2**17])
        model.graph.initializer.append(shape)
        model.graph.node.insert(0, helper.make_node(
            'ConstantOfShape', ['shape'], ['much']))
        model.graph.node[1].input[0] = 'much'
    else:
        weights = model.graph.initializer[0]
        weights.ClearField('float_data')
        weights.dims[:] = [2**20, 2**20]
    path.write_bytes(model.SerializeToString())


def _write_case(kind: str, folder: Path) -> None:
    """Prepared data of which one part declares too much."""
    tables._write_prepared(folder)
    case = folder / 'out/a'
    if kind == 'array':
        (case / 'image.npy').write_bytes(npy((_GREAT, 16, 20)))
    else:
        path = folder / 'out/dataset.json'
        content = json.loads(path.read_text())
        content['cases'][0]['shape'] = [_GREAT, _GREAT, _GREAT]
        path.write_text(json.dumps(content))


def _laughs() -> str:
    """Lists in lists, a hundred million times a name when written out."""
    lines = ['a: &a [label_1, label_2]']
    for level in range(1, 26):
        lines.append(f'{chr(97 + level)}: &{chr(97 + level)} '
                     f'[{", ".join([f"*{chr(96 + level)}"] * 10)}]')
    return '\n'.join(lines)


def _write_labels(content: str, folder: Path) -> None:
    tables._write_source(folder, {'../labels.yml': content})


def _write_declared(name: str, content: str, folder: Path) -> None:
    tables._write_source(folder, {name: content})


def _read_model(folder: Path) -> Any:
    load_weights(nn.Sequential(nn.Linear(9, 12), nn.Linear(12, 2)),
                 str(folder / 'a.pth'))


def _volumes() -> list[Bomb]:
    side, large = (1500, 1500, 1500), (30_000, 30_000, 30_000)
    rows: list[tuple[str, str, Callable[[], bytes]]] = [
        ('NIfTI of zeros', 'a.nii.gz',
         lambda: gzipped(MANY, nifti(side))),
        ('NIfTI with much behind it', 'a.nii.gz',
         lambda: gzipped(2000, nifti((9, 9, 9)))),
        ('NIfTI whose values begin far behind', 'a.nii.gz',
         lambda: gzipped(BEYOND, nifti((9, 9, 9), offset=4.9e9))),
        ('NIfTI that declares terabytes', 'a.nii',
         lambda: nifti(large) + bytes(99)),
        ('compressed NIfTI that declares terabytes', 'a.nii.gz',
         lambda: gzipped(1, nifti(large))),
        ('NRRD of zeros', 'a.nrrd',
         lambda: nrrd(side, 'gzip', gzipped(MANY))),
        ('NRRD with much behind it', 'a.nrrd',
         lambda: nrrd((9, 9, 9), 'gzip', gzipped(BEYOND))),
        ('NRRD that declares terabytes', 'a.nrrd',
         lambda: nrrd(large, 'raw', bytes(99))),
        ('compressed NRRD that declares terabytes', 'a.nrrd',
         lambda: nrrd(large, 'gzip', gzipped(1))),
        ('NRRD of text that declares terabytes', 'a.nrrd',
         lambda: nrrd(large, 'text', b'1 ' * 99)),
        ('MetaImage of zeros', 'a.mha',
         lambda: mha(side, zlibbed(MANY), True)),
        ('MetaImage with much behind it', 'a.mha',
         lambda: mha((9, 9, 9), zlibbed(BEYOND), True)),
        ('MetaImage that declares terabytes', 'a.mha',
         lambda: mha(large, bytes(99))),
        ('npz of zeros', 'a.npz',
         lambda: zipped('imgs.npy', MANY, npy(side))),
        ('npz that declares terabytes', 'a.npz',
         lambda: zipped('imgs.npy', 1, npy(large))),
        ('npy that declares terabytes', 'a.npy',
         lambda: npy((2**20, 2**20, 3)) + bytes(99)),
        ('npy with a long header', 'a.npy', lambda: b'\x93NUMPY\2\0'
         + struct.pack('<I', 2**27) + b'[' * 2**27),
        ('PNG', 'a.png', lambda: png(100_000)),
        ('TIFF', 'a.tif', lambda: tiff(100_000))]
    found = []
    for name, file, content in rows:
        found.append(Bomb(name, partial(_write, file, content),
                          partial(_read_volume, file)))
        if file == 'a.npz':
            continue
        found.append(Bomb(f'{name}, as labels', partial(
            _write, file, content), partial(_read_labels, file)))
    for name, count, shape in (('of zeros', MANY, side),
                               ('that declares terabytes', 1, large)):
        found.append(Bomb(f'npz of labels {name}', partial(
            _write, 'a.npz', partial(zipped, 'gts.npy', count, npy(shape))),
            partial(_read_labels, 'a.npz')))
    return found


def all_bombs() -> list[Bomb]:
    """All bombs, which are made when they are tried."""
    deep, header = '[' * 10_000_000, b'{"a":' * 10_000_000
    tensor = json.dumps({'a': dict(dtype='F32', shape=[_GREAT], data_offsets=[
        0, 4 * _GREAT])}).encode()
    return [
        *_volumes(),
        Bomb('DICOM slice of 65,535 rows', partial(
            _write_dicom, 'one slice'), partial(_read_volume, 'series')),
        Bomb('DICOM with 2^31 frames', partial(_write_dicom, 'frames'),
             partial(_read_volume, 'series')),
        Bomb('deflated DICOM', partial(_write_dicom, 'deflated'),
             partial(_read_volume, 'series')),
        Bomb('DICOM SEG with 2^31 frames', partial(
            _write_dicom, 'segmentation'), partial(_read_labels, 'a.dcm')),
        Bomb('deep boxes in JSON', partial(_write, 'a.json', lambda: deep),
             lambda folder: read_boxes(folder / 'a.json')),
        Bomb('boxes in one line', partial(
            _write, 'a.csv', lambda: 'name,x0\n"' + 'a' * 10**8),
            lambda folder: read_boxes(folder / 'a.csv')),
        Bomb('deep log', partial(
            _write, '20260101_000000/vis_data/scalars.json', lambda: deep),
            read_scalars),
        Bomb('deep dataset.json of nnU-Net', partial(
            _write_declared, 'dataset.json', deep), tables._prepare),
        Bomb('deep labels.yml', partial(_write_labels, '[' * 100_000),
             partial(tables._prepare, labels='labels.yml')),
        Bomb('labels.yml of lists in lists', partial(
            _write_labels, _laughs()),
            partial(tables._prepare, labels='labels.yml')),
        Bomb('checkpoint that declares terabytes', _write_checkpoint,
             _read_model),
        Bomb('cached embedding that declares terabytes', _write_cache,
             models._read_cache),
        Bomb('checkpoint of zeros', _write_zipped_checkpoint, _read_model),
        *(Bomb(f'safetensors, {name}', partial(_write_safetensors, content),
               lambda folder: read_trained(folder / 'a.safetensors'))
          for name, content in (('deep', header), ('of terabytes', tensor))),
        Bomb('safetensors, long header', partial(
            _write, 'a.safetensors', lambda: struct.pack('<Q', 2**50)),
            lambda folder: read_trained(folder / 'a.safetensors')),
        *(Bomb(f'export, {kind}', partial(_write_export, kind),
               models._read_export)
          for kind in ('metadata', 'constant', 'weights')),
        *(Bomb(f'prepared data, {kind}', partial(_write_case, kind),
               tables._read_prepared)
          for kind in ('array', 'shape')),
        Bomb('predictions of zeros', partial(
            _write, 'predictions.npz', partial(
                zipped, 'bits.npy', MANY, npy((MANY * BLOCK, )))),
            lambda folder: load_predictions(folder / 'predictions.npz')),
    ]
