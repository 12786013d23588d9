"""The folder in which a server keeps scans and what was found in them."""

import json
import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mmdbsam.apis.scans import Scan, load_scan
from mmdbsam.errors import InputError
from mmdbsam.io.atomic import write_text
from mmdbsam.io.readers import Readers
from mmdbsam.io.readers.dicom_series import find_series
from mmdbsam.io.readers.files import files_of
from mmdbsam.serving.refusals import Refusal

_ID = re.compile(r'[0-9a-f]{16}')
# Voxels are counted with as many bytes as most scans have.
_BYTES_A_VOXEL = 2
_DESCRIPTION = 'scan.json'
_UPLOAD = 'upload'
_SESSION = 'session.npz'


@dataclass(frozen=True)
class SavedScan:
    """A scan that the server knows, with the session that is kept of it.

    Attributes:
        id: The name of its folder in the workspace.
        name: The scan's name for users.
        path: The scan's file or folder.
        session: The file of the session, which may not exist yet.
    """

    id: str
    name: str
    path: Path
    session: Path


class Workspace:
    """Keeps scans that were uploaded, and sessions.

    Each scan has a folder: ``scan.json`` says what it is, ``upload/`` holds
    its files unless they lie below the root, and ``session.npz`` holds its
    objects.

    Args:
        folder: The folder, which is made if it does not exist.
        root: The folder whose scans may be opened; None if there is none.
        most_bytes: The bytes that a scan may take as an array.

    Raises:
        InputError: If the folder cannot be made.
    """

    def __init__(self, folder: Path, root: Path | None, most_bytes: int
                 ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self.root = None if root is None else root.resolve()
        self.most_bytes = most_bytes
        self._drop_incomplete()

    def in_root(self, relative: str) -> Path:
        """Return a path below the root.

        Args:
            relative: The path from the root on, with ``/``; empty for the
                root itself.

        Raises:
            Refusal: If there is no root, or the path does not exist below it.
        """
        if self.root is None:
            raise Refusal(403, 'path: expected none, as the server was '
                               'started without --root')
        return _inside(self.root, relative)

    def from_root(self, relative: str) -> SavedScan:
        """Begin a session with a scan below the root.

        Args:
            relative: See :meth:`in_root`.

        Raises:
            Refusal: See :meth:`in_root`.
            InputError: If it is no scan.
        """
        path = self.in_root(relative)
        if Readers().case_name(path) is None:
            raise Refusal(400, f'{relative}: expected {Readers().expected}')
        saved = self._saved(secrets.token_hex(8), path.name, path)
        saved.session.parent.mkdir()
        self._describe(saved, dict(
            root=path.relative_to(self.root or path).as_posix()))
        return saved

    def begin_upload(self) -> str:
        """Make a place for an upload, and return its id."""
        new = secrets.token_hex(8)
        Path(self.folder, new, _UPLOAD).mkdir(parents=True)
        return new

    def upload_path(self, scan_id: str, name: str) -> Path:
        """Return where a file of an upload is to be written.

        Args:
            scan_id: What :meth:`begin_upload` returned.
            name: The file's name or relative path, as the client states it.

        Raises:
            Refusal: If the name leads out of the upload's folder.
        """
        parts = PurePosixPath(name.replace('\\', '/')).parts
        if not parts or len(name) > 500 or not all(
                part.strip('. ') and part.isprintable() and ':' not in part
                and '/' not in part and len(part.encode()) < 200
                for part in parts):
            raise Refusal(400, f'file name: expected a plain one, found '
                               f'{name[:100]!r}')
        path = self._folder(scan_id).joinpath(_UPLOAD, *parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def end_upload(self, scan_id: str) -> SavedScan:
        """Begin a session with the scan whose files were uploaded.

        If they are no scan, they are removed.

        Raises:
            Refusal: If they are none, or more than one.
        """
        folder = self._folder(scan_id) / _UPLOAD
        try:
            path = _scan_in(folder)
        except BaseException:
            self.remove(scan_id)
            raise
        name = next(iter(sorted(folder.iterdir()))).name
        saved = self._saved(scan_id, name, path)
        self._describe(saved, dict(
            upload=path.relative_to(folder).as_posix()))
        return saved

    def find(self, scan_id: str) -> SavedScan:
        """Return a scan that is kept.

        Raises:
            Refusal: 404, if there is none with this id.
        """
        folder = self._folder(scan_id)
        try:
            said = json.loads((folder / _DESCRIPTION).read_text('utf-8'))
            path = (_inside(folder / _UPLOAD, said['upload'])
                    if 'upload' in said else self.in_root(said['root']))
            return self._saved(scan_id, str(said['name']), path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, Refusal):
                raise
            raise Refusal(404, f'scan {scan_id}: expected one that is kept'
                          ) from error

    def saved(self) -> list[SavedScan]:
        """Return all scans that can be opened, the one used last first."""
        found = []
        for folder in self.folder.iterdir():
            try:
                found.append(self.find(folder.name))
            except InputError:
                # It lies below another root, or is no scan's folder.
                continue
        return sorted(found, key=_last_use, reverse=True)

    def remove(self, scan_id: str) -> None:
        """Remove a scan's session, and the scan if it was uploaded."""
        shutil.rmtree(self._folder(scan_id), ignore_errors=True)

    def load(self, saved: SavedScan) -> Scan:
        """Read a scan.

        Raises:
            InputError: If it cannot be read or is too large, or if a header
                names files elsewhere.
        """
        allowed = (self.root if self.root is not None
                   and saved.path.is_relative_to(self.root)
                   else self.folder / saved.id)
        for file in files_of(saved.path):
            if not file.resolve().is_relative_to(allowed):
                raise Refusal(403, f'{saved.name}: expected its files beside '
                                   f'it, found {file.name!r} elsewhere')
        size = Readers().find(saved.path).geometry(saved.path)['size']
        most = self.most_bytes // _BYTES_A_VOXEL
        if size[0] * size[1] * size[2] > most:
            raise Refusal(413, f'{saved.name}: expected at most {most} voxels,'
                               f' found {" x ".join(map(str, size))}; see '
                               '--max-upload')
        return load_scan(saved.path)

    def _folder(self, scan_id: str) -> Path:
        if not _ID.fullmatch(scan_id) or not (self.folder / scan_id).is_dir():
            raise Refusal(404, f'scan {scan_id[:50]!r}: expected one that is '
                               'kept')
        return self.folder / scan_id

    def _saved(self, scan_id: str, name: str, path: Path) -> SavedScan:
        return SavedScan(scan_id, name, path,
                         self.folder / scan_id / _SESSION)

    def _describe(self, saved: SavedScan, where: dict[str, str]) -> None:
        write_text(saved.session.with_name(_DESCRIPTION),
                   json.dumps(dict(name=saved.name, **where)))

    def _drop_incomplete(self) -> None:
        """Remove uploads that a killed server left unfinished."""
        for folder in self.folder.iterdir():
            if _ID.fullmatch(folder.name) and not (
                    folder / _DESCRIPTION).exists():
                shutil.rmtree(folder, ignore_errors=True)


def _inside(root: Path, relative: str) -> Path:
    """Return a path that exists below a folder, without symbolic links.

    Raises:
        Refusal: If it does not exist, or is elsewhere.
    """
    try:
        root = root.resolve()
        path = Path(root, relative.replace('\\', '/')).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        path = None
    if path is None or not path.is_relative_to(root):
        raise Refusal(404, f'path: expected one of the server, found '
                           f'{relative[:200]!r}')
    return path


def _scan_in(folder: Path) -> Path:
    """Find the only scan among uploaded files.

    Raises:
        Refusal: If there is none, or more than one.
    """
    readers = Readers()
    files = [file for file in sorted(folder.rglob('*')) if file.is_file()]
    scans = [file for file in files if readers.case_name(file) is not None]
    # The files of a series are one scan; so is a header with its data.
    if len(scans) != 1 and find_series(folder):
        return folder
    if len(scans) != 1:
        raise Refusal(400, f'upload: expected one scan, found {len(scans)} '
                           f'among {len(files)} files; give '
                           f'{readers.expected}')
    return scans[0]


def _last_use(saved: SavedScan) -> float:
    place = saved.session if saved.session.exists() else saved.session.parent
    return place.stat().st_mtime
