"""What a page has opened on the server."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

from mmdbsam.geometry.grids import ORIENTATIONS
from mmdbsam.geometry.planes import SlicePlane
from mmdbsam.io.readers import Readers
from mmdbsam.io.readers.reader import DICOM_SUFFIXES
from mmdbsam.serving.annotations import Annotations
from mmdbsam.serving.page_scan import PageScan
from mmdbsam.serving.refusals import Refusal
from mmdbsam.serving.service import Service
from mmdbsam.serving.workspace import SavedScan

# A series of DICOM has a file for each slice.
_MOST_FILES = 10000


class PageClient:
    """The scan of a page, and the files that it is sending.

    Args:
        service: The model and the sessions.
        annotations: Where labels are written.

    Attributes:
        opened: The scan; None if there is none.
    """

    def __init__(self, service: Service, annotations: Annotations) -> None:
        self.opened: PageScan | None = None
        self._service = service
        self._annotations = annotations
        self._upload: str | None = None
        self._files = 0
        self._bytes = 0

    @property
    def scan(self) -> PageScan:
        """The scan.

        Raises:
            Refusal: If none is open.
        """
        if self.opened is None:
            raise Refusal(404, 'scan: expected one that is open, found none')
        return self.opened

    def close(self) -> None:
        """Close the scan, and forget files that are no scan yet."""
        if self.opened is not None:
            saved = self.opened.kept.saved
            self.opened.close()
            self.opened = None
            if not saved.session.exists():
                # Nothing was done with it.
                self._service.workspace.remove(saved.id)
        self._drop_upload()

    def begin_upload(self) -> None:
        """Prepare for the files of a scan."""
        self._drop_upload()
        self._upload = self._service.workspace.begin_upload()
        self._files = self._bytes = 0

    async def receive(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Write a file of an upload.

        Args:
            name: The file's name.
            chunks: Its content.

        Raises:
            Refusal: If no upload was begun, it is too large, or the name is
                not a plain one.
        """
        path = self._new_file(name)
        most = self._service.settings.max_upload
        with path.open('xb') as file:
            async for chunk in chunks:
                self._bytes += len(chunk)
                if self._bytes > most:
                    self._drop_upload()
                    raise Refusal(413, f'upload: expected at most {most} bytes'
                                       ' in all; see --max-upload')
                await run_in_threadpool(file.write, chunk)

    def open(self, sent: dict[str, Any]) -> dict[str, Any]:
        """Open a scan.

        Args:
            sent: A ``path`` below the root, the ``id`` of a scan that is kept,
                or neither for the files that were sent.

        Raises:
            Refusal: If there is no such scan.
            InputError: If it cannot be read.
        """
        saved = self._find(sent)
        if self.opened is not None and self.opened.kept.saved.id == saved.id:
            return self.opened.describe()
        try:
            self._refuse_if_open(saved)
            kept = self._service.open(saved, self._plane(saved))
        except BaseException:
            if not saved.session.exists() and 'id' not in sent:
                self._service.workspace.remove(saved.id)
            raise
        self.close()
        self.opened = PageScan(kept, self._annotations)
        return self.opened.describe()

    def _find(self, sent: dict[str, Any]) -> SavedScan:
        workspace = self._service.workspace
        if 'id' in sent:
            return workspace.find(str(sent['id']))
        if 'path' in sent:
            path = workspace.in_root(str(sent['path']))
            # A scan that was segmented before is gone on with.
            known = (one for one in workspace.saved()
                     if one.path == path and one.session.exists())
            return next(known, None) or workspace.from_root(str(sent['path']))
        if self._upload is None:
            raise Refusal(400, 'scan: expected a path, an id or files that '
                               'were sent, found none')
        upload, self._upload = self._upload, None
        return workspace.end_upload(upload)

    def _refuse_if_open(self, saved: SavedScan) -> None:
        """Refuse a file that another page has open under another id."""
        for lease in self._service.leases:
            other = lease.content
            if isinstance(other, PageClient) and other.opened is not None and (
                    other.opened.kept.saved.path == saved.path
                    and other is not self):
                raise Refusal(409, f'{saved.name}: expected a scan that is '
                                   'not in use, found it open in another page')

    @staticmethod
    def _plane(saved: SavedScan) -> str:
        """The plane in which a scan's slices are the finest."""
        geometry = Readers().find(saved.path).geometry(saved.path)

        def thickness(plane: str) -> float:
            axis = SlicePlane(geometry, plane).axes[2]
            return round(geometry['spacing'][axis], 3)

        flat = [plane for plane in ORIENTATIONS
                if SlicePlane(geometry, plane).size[2] == 1]
        return (flat or [max(ORIENTATIONS, key=thickness)])[0]

    def _new_file(self, name: str) -> Path:
        if self._upload is None:
            raise Refusal(400, 'upload: expected one that was begun')
        self._files += 1
        if self._files > _MOST_FILES:
            raise Refusal(413, f'upload: expected at most {_MOST_FILES} files')
        path = self._service.workspace.upload_path(self._upload, name)
        if path.exists():
            # The folders of a series may hold files of the same names.
            path = path.with_name(f'{self._files}-{path.name}')
        return path

    def _drop_upload(self) -> None:
        if self._upload is not None:
            self._service.workspace.remove(self._upload)
            self._upload = None


def list_folder(service: Service, relative: str) -> dict[str, Any]:
    """List the folders and scans of a folder below the root.

    Args:
        service: The workspace, and with it the root.
        relative: The folder's path from the root on, with ``/``.

    Raises:
        Refusal: If there is no root, or no such folder.
    """
    folder, readers = service.workspace.in_root(relative), Readers()
    if not folder.is_dir():
        raise Refusal(404, f'path: expected a folder, found '
                           f'{relative[:200]!r}')
    segmented = {one.path for one in service.workspace.saved()
                 if one.session.exists()}
    root = service.workspace.root or folder
    entries = []
    for path in sorted(folder.iterdir()):
        if not path.resolve().is_relative_to(root):
            continue
        kind = _kind(path, readers)
        if kind is not None:
            entries.append(dict(
                name=path.name, kind=kind, annotated=path in segmented,
                path=path.relative_to(root).as_posix()))
    return dict(entries=entries)


def _kind(path: Path, readers: Readers) -> str | None:
    """What a path is for the user; None if it is of no use."""
    if readers.case_name(path) is None:
        return None
    if not path.is_dir():
        return 'scan'
    with os.scandir(path) as entries:
        names = [entry.name for entry in entries if entry.is_file()]
    is_series = any(Path(name).suffix.lower() in (
        *DICOM_SUFFIXES, '')
                    or name.replace('.', '').isdigit() for name in names)
    return 'DICOM series' if is_series else 'folder'
