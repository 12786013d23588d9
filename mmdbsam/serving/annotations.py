"""The segmentations of a server as a data set, beside their scans."""

import logging
import os
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mmdbsam.apis.volume.session import VolumeSession
from mmdbsam.io.readers import Readers
from mmdbsam.io.writers import Writers
from mmdbsam.serving.workspace import SavedScan

# Several changes in a row are written once, so many seconds after the first.
_PAUSE = 1.
_SUFFIX = '.seg.nrrd'


class Annotations:
    """Writes the objects of scans as ``images/`` and ``labels/``.

    The label of a scan is a segmentation of 3D Slicer. A thread writes it
    shortly after each change, from the masks of that moment; the sessions
    themselves are saved at once. Scans are linked and not copied where the
    disk allows it.

    Args:
        folder: The folder that holds both, which ``mmdbsam prepare`` takes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting: dict[str, tuple[SavedScan, VolumeSession]] = {}
        self._failed: set[str] = set()
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True,
                                        name='mmdbsam-annotations')
        self._thread.start()

    def write_soon(self, saved: SavedScan, session: VolumeSession) -> None:
        """Write a scan's label within a few seconds."""
        with self._lock:
            self._waiting[saved.id] = saved, session
        self._news.set()

    def is_written(self, saved: SavedScan) -> bool:
        """Whether a scan's label shows the last change."""
        with self._lock:
            return saved.id not in self._failed | self._waiting.keys()

    def stop(self) -> None:
        """Write what waits, and end the thread."""
        self._is_stopped.set()
        self._news.set()
        self._thread.join()

    def label_of(self, saved: SavedScan) -> Path:
        """The path of a scan's label."""
        stem, _ = self._name(saved)
        return self.folder / 'labels' / f'{stem}{_SUFFIX}'

    def write(self, saved: SavedScan, session: VolumeSession) -> None:
        """Write a scan's label, or remove it if there is no object.

        Raises:
            InputError: If it cannot be written.
        """
        label, (_, image_name) = self.label_of(saved), self._name(saved)
        image = self.folder / 'images' / image_name
        result = session.result()
        if not any(mask.count() for mask in result.masks):
            label.unlink(missing_ok=True)
            _remove(image)
            return
        for path in (label, image):
            path.parent.mkdir(parents=True, exist_ok=True)
        if not image.exists():
            _link(saved.path, image)
        Writers().find(label).write(result, saved.path, label)

    def _work(self) -> None:
        while not self._is_stopped.is_set() or self._waiting:
            self._news.wait()
            self._news.clear()
            self._is_stopped.wait(_PAUSE)
            with self._lock:
                waiting = {**self._waiting}
            for scan_id, (saved, session) in waiting.items():
                self._try(saved, session)
                with self._lock:
                    # It may have changed again meanwhile.
                    if not self._news.is_set():
                        self._waiting.pop(scan_id, None)

    def _try(self, saved: SavedScan, session: VolumeSession) -> None:
        try:
            self.write(saved, session)
            self._failed.discard(saved.id)
        except Exception:
            # The session has all masks; the next change tries again.
            self._failed.add(saved.id)
            logging.exception('%s: the label was not written', saved.name)

    def _name(self, saved: SavedScan) -> tuple[str, str]:
        """The name of a scan among the others, without and with its suffix.

        A scan keeps its own name unless another one has it already.
        """
        stem, suffix = saved.name, ''
        if not saved.path.is_dir():
            stem = Readers().case_name(saved.path) or saved.path.stem
            suffix = saved.path.name[len(stem):]
        taken = self.folder / 'images' / f'{stem}{suffix}'
        if taken.exists() and not _same(taken, saved.path):
            stem = f'{stem}-{saved.id[:6]}'
        return stem, f'{stem}{suffix}'


def _same(link: Path, path: Path) -> bool:
    """Whether a file or folder was linked or copied from another."""
    first, second = (next((file for file in sorted(one.rglob('*'))
                           if file.is_file()), one) if one.is_dir() else one
                     for one in (link, path))
    # A copy has the time of what it is a copy of.
    ours, theirs = first.stat(), second.stat()
    return first.samefile(second) or (
        (ours.st_size, ours.st_mtime_ns) == (theirs.st_size,
                                             theirs.st_mtime_ns))


def _link(source: Path, target: Path) -> None:
    """Link a file, or the files of a folder, or copy them."""
    link: Callable[..., object] = _link_file
    if source.is_dir():
        shutil.copytree(source, target, copy_function=link)
    else:
        link(source, target)


def _link_file(source: Path | str, target: Path | str) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Another disk, or one without links.
        try:
            os.symlink(source, target)
        except OSError:
            shutil.copy2(source, target)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
