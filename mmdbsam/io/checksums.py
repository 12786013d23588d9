"""Checksums of files, and those that lie beside them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mmdbsam.errors import InputError

#: The file that holds the checksums of the others in its folder, in the format
#: of the program sha256sum.
SUMS = 'SHA256SUMS'
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Checksum:
    """What the content of a file must hash to.

    Attributes:
        algorithm: The hash function's name in ``hashlib``, such as
            ``'md5'``.
        digest: The hash, hexadecimal.
    """

    algorithm: str
    digest: str

    def __str__(self) -> str:
        return f'{self.algorithm} {self.digest}'

    def of(self, path: Path) -> 'Checksum':
        """The same hash function's result for a file."""
        digest = hashlib.new(self.algorithm, usedforsecurity=False)
        with path.open('rb') as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
        return Checksum(self.algorithm, digest.hexdigest())


def sha256(path: Path) -> str:
    """The hexadecimal sha256 of a file."""
    return Checksum('sha256', '').of(path).digest


def write_sums(folder: Path) -> None:
    """Write the checksums of all files of a folder beside them."""
    (folder / SUMS).write_text(''.join(
        f'{sha256(file)}  {file.name}\n' for file in sorted(folder.iterdir())))


def verify_sums(folder: Path) -> None:
    """Verify the checksums that :func:`write_sums` wrote, if they are there.

    Raises:
        InputError: If a file was changed or is missing.
    """
    file = folder / SUMS
    if not file.is_file():
        return
    for name, wanted in _read_sums(file).items():
        path = folder / name
        found = sha256(path) if path.is_file() else 'no such file'
        if found != wanted:
            raise InputError(
                f'{path}: expected the sha256 {wanted} of {SUMS}, found '
                f'{found}; export it again, or remove {SUMS} if you changed '
                'the file')


def _read_sums(file: Path) -> dict[str, str]:
    sums = {}
    for line in file.read_bytes().decode('utf-8', 'replace').splitlines():
        wanted, gap, name = line.partition('  ')
        if not gap or '/' in name or '\0' in name:
            raise InputError(f'{file}: expected lines of a sha256 and a name, '
                             f'found {line[:100]!r}; remove it to do without '
                             'checksums')
        sums[name] = wanted
    return sums
