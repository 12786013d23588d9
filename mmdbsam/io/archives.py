"""Unpacking archives that come from the network."""

import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from mmdbsam.errors import InputError

# A set of a thousand scans with a hundred structures each has 10^5 files.
MAX_FILES = 1_000_000
_CHUNK = 1 << 20


class _Member(NamedTuple):
    """A file of an archive: its name, its declared size, and its content."""

    name: str
    size: int
    content: BinaryIO


def unpack(archive: Path, dest: Path, max_bytes: int) -> int:
    """Unpack a tar or zip archive into a folder.

    Only plain files are written, whatever the archive says of owners, modes
    or links. A folder that holds all of its files is left out, as are the
    hidden files that macOS adds.

    Args:
        archive: The archive, whose content tells its kind.
        dest: The folder, which exists.
        max_bytes: The most bytes that may be written, so that a small archive
            cannot fill the disk.

    Returns:
        int: The number of files.

    Raises:
        InputError: If it is no archive, is truncated or damaged, has a path
            that leads out of the folder, a link or a device, has no file, or
            has too many or too large files.
    """
    try:
        names = [name for name, is_file in _list(archive) if is_file]
        top = _common_folder(names)
        count = written = 0
        for member in _members(archive):
            if _is_hidden(member.name):
                continue
            count += 1
            if count > MAX_FILES:
                raise InputError(f'{archive}: expected at most {MAX_FILES} '
                                 'files, found more')
            path = dest.joinpath(*_parts(archive, member.name)[top:])
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open('xb') as stream:
                while chunk := member.content.read(_CHUNK):
                    written += len(chunk)
                    if written > max_bytes:
                        raise InputError(
                            f'{archive}: expected at most {max_bytes} bytes '
                            'when unpacked, found more')
                    stream.write(chunk)
            if path.stat().st_size != member.size:
                raise InputError(f'{archive}: {member.name}: expected '
                                 f'{member.size} bytes, found '
                                 f'{path.stat().st_size}')
    except FileExistsError as error:
        raise InputError(f'{archive}: expected files of different names, '
                         f'found {Path(error.filename).name} twice') from error
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, RuntimeError,
            NotImplementedError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f'{archive}: expected a tar or zip archive, found: '
                         f'{error}') from error
    if not count:
        raise InputError(f'{archive}: expected files, found none')
    return count


def require_space(folder: Path, needed: int, what: str) -> None:
    """Refuse work that the disk has no room for.

    Raises:
        InputError: If fewer bytes than ``needed`` are free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(f'{folder}: expected {needed / 1e9:.1f} GB of free '
                         f'space for {what}, found {free / 1e9:.1f} GB')


def _list(archive: Path) -> Iterator[tuple[str, bool]]:
    """Check all names before anything is written."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            for info in file.infolist():
                _parts(archive, info.filename)
                # The upper half of the attributes is Unix's mode.
                kind = (info.external_attr >> 16) & 0o170000
                if kind not in (0, 0o100000, 0o040000):
                    raise _not_plain(archive, info.filename)
                yield info.filename, not info.is_dir() and not _is_hidden(
                    info.filename)
        return
    with tarfile.open(archive) as file:
        for info in file:
            _parts(archive, info.name)
            if not (info.isreg() or info.isdir()):
                raise _not_plain(archive, info.name)
            yield info.name, info.isreg() and not _is_hidden(info.name)


def _members(archive: Path) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            for info in file.infolist():
                if not info.is_dir():
                    with file.open(info) as content:
                        yield _Member(info.filename, info.file_size, content)
        return
    with tarfile.open(archive) as file:
        for info in file:
            if info.isreg():
                yield _Member(info.name, info.size, file.extractfile(info))


def _parts(archive: Path, name: str) -> tuple[str, ...]:
    """The parts of a path that stays within the folder."""
    path = PurePosixPath(name)
    if (path.is_absolute() or '..' in path.parts or '\\' in name
            or ':' in name or '\0' in name):
        raise InputError(f'{archive}: expected paths within the archive, '
                         f'found {name!r}')
    return path.parts


def _not_plain(archive: Path, name: str) -> InputError:
    return InputError(f'{archive}: expected files and folders, found '
                      f'{name!r}, a link or a device')


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith('._') or part in ('__MACOSX', '.DS_Store')
               for part in parts)


def _common_folder(names: list[str]) -> int:
    """The number of folders that all files are in."""
    parts = [PurePosixPath(name).parts[:-1] for name in names]
    return int(bool(parts) and bool(parts[0]) and all(
        own[:1] == parts[0][:1] for own in parts))
