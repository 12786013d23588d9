"""Scans that are uploaded or lie below the root, and nothing else."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_files import write_slices
from letter_volumes import BRIGHT, as_image, column

from mmdbsam.apis import SeedBox
from mmdbsam.errors import InputError
from mmdbsam.serving.refusals import Refusal
from mmdbsam.serving.service import Service
from mmdbsam.serving.settings import Settings
from mmdbsam.serving.workspace import Workspace

LIMIT = 10**6


@pytest.fixture
def root(tmp_path):
    """A root with a scan in a folder, and a secret beside it."""
    folder = tmp_path / 'root'
    (folder / 'ct').mkdir(parents=True)
    sitk.WriteImage(as_image(column()), str(folder / 'ct/a.nii.gz'))
    (tmp_path / 'secret.raw').write_bytes(bytes(1000))
    sitk.WriteImage(as_image(column()), str(tmp_path / 'secret.nii.gz'))
    return folder


@pytest.fixture
def workspace(tmp_path, root):
    return Workspace(tmp_path / 'workspace', root, LIMIT)


def upload(workspace, *files):
    """Upload files as the page does."""
    new = workspace.begin_upload()
    for name, content in files:
        workspace.upload_path(new, name).write_bytes(content)
    return workspace.end_upload(new)


def scan_bytes(tmp_path, name='b.nrrd'):
    path = tmp_path / name
    sitk.WriteImage(as_image(column()), str(path))
    return path.read_bytes()


def test_a_scan_below_the_root(workspace, root):
    saved = workspace.from_root('ct/a.nii.gz')
    assert saved.name == 'a.nii.gz'
    assert workspace.load(saved).values.shape == (30, 32, 32)
    again = Workspace(workspace.folder, root, LIMIT).find(saved.id)
    assert again == saved and workspace.saved() == [saved]
    workspace.remove(saved.id)
    assert workspace.saved() == [] and (root / 'ct/a.nii.gz').exists()


@pytest.mark.parametrize('relative', [
    '../secret.nii.gz', '/etc/passwd', 'ct/../../secret.nii.gz', 'none',
    '..\\secret.nii.gz', 'ct/\0', 'x' * 9999, 'link', 'linked/secret.nii.gz',
    '../root2/a.nii.gz'])
def test_nothing_beside_the_root(workspace, root, relative):
    (root / 'link').symlink_to(root.parent / 'secret.nii.gz')
    (root / 'linked').symlink_to(root.parent)
    (root.parent / 'root2').mkdir()
    sitk.WriteImage(as_image(column()), str(root.parent / 'root2/a.nii.gz'))
    with pytest.raises(Refusal):
        workspace.from_root(relative)
    assert not [*workspace.folder.iterdir()]


@pytest.mark.parametrize('header', [
    'ElementDataFile = ../../../secret.raw', 'ElementDataFile = /dev/zero',
    'ElementDataFile = LIST\n../../../secret.raw'])
def test_headers_that_name_other_files(workspace, header):
    text = ('ObjectType = Image\nNDims = 3\nDimSize = 10 10 10\n'
            f'ElementType = MET_UCHAR\n{header}\n')
    saved = upload(workspace, ('a.mhd', text.encode()))
    with pytest.raises(InputError, match='beside it'):
        workspace.load(saved)
    text = ('NRRD0004\ntype: uchar\ndimension: 3\nsizes: 10 10 10\nencoding: '
            'raw\ndata file: ../../../secret.raw\n\n')
    with pytest.raises(InputError, match='beside it'):
        workspace.load(upload(workspace, ('a.nhdr', text.encode())))


def test_a_scan_that_would_fill_the_memory(workspace, tmp_path):
    content = bytearray(scan_bytes(tmp_path, 'small.nii'))
    # The numbers of voxels in the header of NIfTI.
    content[42:48] = struct.pack('<3h', 3000, 3000, 3000)
    saved = upload(workspace, ('a.nii.gz', gzip.compress(content)))
    with pytest.raises(Refusal, match='at most 500000 voxels') as refused:
        workspace.load(saved)
    assert refused.value.status == 413


def test_uploads_are_kept(workspace, root, tmp_path):
    saved = upload(workspace, ('folder/b.nrrd', scan_bytes(tmp_path)),
                   ('folder/notes.txt', b'-'))
    assert workspace.load(saved).values.shape == (30, 32, 32)
    unfinished = workspace.begin_upload()
    again = Workspace(workspace.folder, root, LIMIT)
    assert again.saved() == [saved]
    assert not (workspace.folder / unfinished).exists()


def test_a_series_that_is_uploaded(workspace, tmp_path):
    values = np.where(column(), BRIGHT, 0).astype(np.int16)
    folder = write_slices(tmp_path / 'series', values, range(30))
    saved = upload(workspace, *((f'series/{file.name}', file.read_bytes())
                                for file in folder.iterdir()))
    np.testing.assert_array_equal(workspace.load(saved).values, values)
    one = upload(workspace, ('notes.txt', b'-'), (
        'no-suffix', next(folder.iterdir()).read_bytes()))
    assert workspace.load(one).values.shape == (1, 32, 32)


@pytest.mark.parametrize('name', [
    '../a', '/etc/passwd', 'a/../../b', '', '..', 'a\0b', 'a\\..\\..\\b',
    'x' * 300, 'a\nb', 'C:\\a', '.', 'a/ /b', '\udcff'])
def test_names_that_lead_elsewhere(workspace, name):
    new = workspace.begin_upload()
    with pytest.raises((Refusal, UnicodeError)):
        workspace.upload_path(new, name)


@pytest.mark.parametrize('files', [
    [('a.txt', b'-')], [], [('a.nrrd', b'-'), ('b.nrrd', b'-')]])
def test_uploads_without_a_scan_are_removed(workspace, files):
    with pytest.raises(Refusal, match='expected one scan'):
        upload(workspace, *files)
    assert not [*workspace.folder.iterdir()]


@pytest.mark.parametrize('scan_id', ['..', '', '0' * 16, 'a/b', '../' * 9])
def test_other_ids(workspace, scan_id):
    for function in (workspace.find, workspace.remove, workspace.end_upload):
        with pytest.raises(Refusal) as refused:
            function(scan_id)
        assert refused.value.status == 404


def test_sessions_go_on(clickable, tmp_path, root):
    settings = Settings(tmp_path / 'workspace', root)
    service = Service(clickable, settings, 'tiny')
    saved = service.workspace.from_root('ct/a.nii.gz')
    kept = service.open(saved)
    with pytest.raises(Refusal, match='opened already') as refused:
        service.open(saved)
    assert refused.value.status == 409
    session = kept.scan.session
    one = kept.scan.change(session.add_object, 'column')
    index = kept.scan.change(session.answer, one,
                             SeedBox(15, [11, 10, 18, 19]))
    slices = kept.scan.follow(one, index)
    found = {index, next(slices), next(slices)}
    # The client goes away.
    slices.close()
    mask = session.mask(one)
    kept.close()
    again = service.open(saved).scan.session
    np.testing.assert_array_equal(again.mask(one), mask)
    assert {*np.flatnonzero(mask.any(axis=(1, 2)))} == found
    assert again.objects[one].name == 'column'
    service.close()


@pytest.mark.parametrize('settings, said', [
    (dict(host='0.0.0.0'), '--host 0.0.0.0: expected --api-key'),
    (dict(host='example.org'), 'expected --api-key'),
    (dict(max_sessions=0), 'max_sessions: expected a number > 0'),
    (dict(memory=-1), 'memory: expected'),
    (dict(root=Path('none')), '--root none: expected a folder')])
def test_settings_that_are_refused(settings, said):
    with pytest.raises(InputError, match=said.replace('.', r'\.')):
        Settings(Path('workspace'), **settings)


def test_loopback_needs_no_key():
    for host in ('127.0.0.1', 'localhost', '::1', '127.1.2.3'):
        Settings(Path('workspace'), host=host)
