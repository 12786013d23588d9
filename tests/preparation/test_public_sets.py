"""``mmdbsam fetch`` of public data sets, from a server of the test's own."""

import hashlib
import http.server
import io
import re
import tarfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmdbsam.cli import fetch
from mmdbsam.errors import InputError
from mmdbsam.io.archives import unpack
from mmdbsam.io.checksums import Checksum
from mmdbsam.preparation.public import PUBLIC_SETS, PublicSet
from mmdbsam.preparation.public.page import public_page
from mmdbsam.weights import downloads

FILES = {'imagesTr/a.nii.gz': b'image' * 900, 'labelsTr/a.nii.gz': b'label',
         'dataset.json': b'{}'}


def tar_of(files, top='Task/'):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode='w') as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(top + name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return content.getvalue()


def zip_of(files, top='Task/'):
    content = io.BytesIO()
    with zipfile.ZipFile(content, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(top + name, data)
    return content.getvalue()


@pytest.fixture
def server():
    """A server of one file, which may break off, and may know no ranges."""
    state = SimpleNamespace(content=tar_of(FILES), ranges=True, breaks=[],
                            asked=[], status=200)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get('Range')
            state.asked.append(wanted)
            start = int(re.match(r'bytes=(\d+)-', wanted)[1]) if (
                wanted and state.ranges) else 0
            body = state.content[start:]
            if state.status != 200 or (start and not body):
                self.send_error(state.status if state.status != 200 else 416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header('Content-Range', f'bytes {start}-'
                                 f'{len(state.content) - 1}/*')
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body[:state.breaks.pop(0) if state.breaks
                                  else None])

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as running:
        state.url = f'http://127.0.0.1:{running.server_port}/Task.tar'
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield state
        running.shutdown()


@pytest.fixture
def offer(server, monkeypatch, tmp_path, command):
    """Offer the server's content as the set 'some', and fetch it."""
    monkeypatch.setattr(downloads, '_WAIT', 0)

    def run(checksum='right', **fields):
        if checksum == 'right':
            checksum = Checksum('md5', hashlib.md5(server.content).hexdigest())
        monkeypatch.setitem(PUBLIC_SETS, 'some', PublicSet(**{**dict(
            title='Some', shows='CT', url=server.url, checksum=checksum,
            gigabytes=1e-6, licence='CC0-1.0', cite='Nobody, 2026',
            labels=('one', ), options='--modality CT'), **fields}))
        command('fetch', 'some', tmp_path / 'some')
        return tmp_path / 'some'

    return run


def fetched(folder):
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob('*')
            if path.is_file() and path.name != 'fetched.json'}


@pytest.mark.parametrize('pack', [tar_of, zip_of])
def test_it_is_fetched_once_and_says_what_follows(server, offer, tmp_path,
                                                  capsys, pack):
    server.content = pack(FILES | {'._a': b'mac', '__MACOSX/b': b'mac'})
    folder = offer()
    assert fetched(folder) == FILES
    printed = capsys.readouterr().out
    assert 'licence: CC0-1.0\ncite: Nobody, 2026\nnext: mmdbsam prepare ' \
        f'{folder} data/some --modality CT\n' in printed
    assert [path.name for path in tmp_path.iterdir()] == ['some']
    offer()
    assert 'already there' in capsys.readouterr().out
    assert len(server.asked) == 1


def test_a_connection_that_breaks_off_is_resumed(server, offer):
    server.breaks = [3000, 2000]
    assert fetched(offer()) == FILES
    assert server.asked == [None, 'bytes=3000-', 'bytes=5000-']


def test_a_stopped_download_goes_on(server, offer, tmp_path, monkeypatch):
    half = len(server.content) // 2
    (tmp_path / '.some.tar.part').write_bytes(server.content[:half])
    assert fetched(offer()) == FILES
    assert server.asked == [f'bytes={half}-']


def test_a_complete_part_is_only_verified(server, offer, tmp_path):
    (tmp_path / '.some.tar.part').write_bytes(server.content)
    assert fetched(offer()) == FILES
    assert server.asked == [f'bytes={len(server.content)}-']


def test_a_server_without_ranges_sends_all_again(server, offer):
    server.ranges = False
    server.breaks = [3000]
    assert fetched(offer()) == FILES
    assert server.asked == [None, 'bytes=3000-']


def test_a_server_that_always_breaks_off(server, offer, tmp_path):
    server.breaks = [3000] + [0] * 9
    with pytest.raises(InputError, match='could not be downloaded: .*; run '
                       'again to go on'):
        offer()
    assert (tmp_path / '.some.tar.part').stat().st_size == 3000
    server.breaks = []
    assert fetched(offer()) == FILES


@pytest.mark.parametrize('status', [404, 503])
def test_a_server_that_refuses(server, offer, tmp_path, status):
    server.status = status
    with pytest.raises(InputError, match=f'HTTP Error {status}') as error:
        offer()
    assert '\n' not in str(error.value)
    assert not (tmp_path / 'some').exists()


def test_a_host_that_is_not_there(offer):
    with pytest.raises(InputError, match='could not be downloaded'):
        offer(url='http://127.0.0.1:9/Task.tar')


def test_other_content_is_refused_and_removed(server, offer, tmp_path):
    with pytest.raises(InputError, match='expected md5 00, found md5 '):
        offer(checksum=Checksum('md5', '00'))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_else_is_kept(offer, server, tmp_path):
    (tmp_path / 'some').mkdir()
    (tmp_path / 'some/mine').touch()
    with pytest.raises(InputError, match='expected a new or empty folder'):
        offer()
    assert server.asked == []


def test_a_set_without_an_address(command):
    with pytest.raises(InputError, match='btcv: expected a set with an '
                       'address.*synapse'):
        command('fetch', 'btcv')


def test_a_disk_that_is_too_small(offer, server):
    with pytest.raises(InputError, match='GB of free space for some'):
        offer(gigabytes=1e9)
    assert server.asked == []


@pytest.mark.parametrize('name', ['../out', '/out', 'a/../../out', 'a\\..\\b',
                                  'C:/out'])
@pytest.mark.parametrize('pack', [tar_of, zip_of])
def test_no_path_leads_out(tmp_path, name, pack):
    archive = tmp_path / 'archive'
    archive.write_bytes(pack({'a': b'1', name: b'2'}, top=''))
    (tmp_path / 'dest').mkdir()
    with pytest.raises(InputError, match='expected paths within the archive'):
        unpack(archive, tmp_path / 'dest', 1000)
    assert list((tmp_path / 'dest').iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {'archive', 'dest'}


@pytest.mark.parametrize('kind', [tarfile.SYMTYPE, tarfile.LNKTYPE,
                                  tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_no_links_and_devices(tmp_path, kind):
    with tarfile.open(tmp_path / 'archive', 'w') as archive:
        info = tarfile.TarInfo('link')
        info.type, info.linkname = kind, '/etc/passwd'
        archive.addfile(info)
    with pytest.raises(InputError, match="found 'link', a link or a device"):
        unpack(tmp_path / 'archive', tmp_path, 1000)


def test_no_link_in_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / 'archive', 'w') as archive:
        info = zipfile.ZipInfo('link')
        info.external_attr = 0o120777 << 16
        archive.writestr(info, '/etc/passwd')
    with pytest.raises(InputError, match='a link or a device'):
        unpack(tmp_path / 'archive', tmp_path, 1000)


def test_a_bomb_is_stopped(tmp_path):
    (tmp_path / 'archive').write_bytes(zip_of({'a': bytes(50_000_000)}))
    assert (tmp_path / 'archive').stat().st_size < 100_000
    (tmp_path / 'dest').mkdir()
    with pytest.raises(InputError, match='expected at most 5000000 bytes when '
                       'unpacked, found more'):
        unpack(tmp_path / 'archive', tmp_path / 'dest', 5_000_000)
    assert sum(path.stat().st_size for path in (tmp_path / 'dest').rglob('*')
               if path.is_file()) <= 5_000_000


@pytest.mark.parametrize('content', [
    b'no archive', b'', tar_of(FILES)[:2000], zip_of(FILES)[:-30],
    tar_of({})])
def test_damaged_archives(tmp_path, content):
    (tmp_path / 'archive').write_bytes(content)
    (tmp_path / 'dest').mkdir()
    with pytest.raises(InputError, match='archive: .*expected'):
        unpack(tmp_path / 'archive', tmp_path / 'dest', 10_000)


def test_nothing_is_left_of_a_damaged_archive(server, offer, tmp_path):
    server.content = tar_of(FILES)[:2000]
    with pytest.raises(InputError):
        offer()
    assert not (tmp_path / 'some').exists()


def test_the_table(repo_root):
    digits = dict(md5=32, sha256=64)
    for name, one in PUBLIC_SETS.items():
        assert re.fullmatch('[a-z0-9_]+', name)
        assert one.labels and one.licence and one.cite
        if one.checksum:
            assert re.fullmatch('[0-9a-f]+', one.checksum.digest)
            assert len(one.checksum.digest) == digits[one.checksum.algorithm]
        assert one.url is None or one.url.startswith('https://')
    assert sum(name.startswith('msd_') for name in PUBLIC_SETS) == 10
    checksums = [one.checksum for one in PUBLIC_SETS.values() if one.checksum]
    assert len(set(checksums)) == len(checksums)
    assert (repo_root / 'docs/public_data.md').read_text() == public_page()


def test_the_commands_of_the_table_can_be_given():
    from mmdbsam.cli import make_parser
    for name, one in PUBLIC_SETS.items():
        if one.options is not None:
            words = one.prepare_command(name, Path('a')).split()[1:]
            assert make_parser().parse_args(words).source == 'a'
    assert fetch.__doc__
