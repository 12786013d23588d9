"""A scan that is open on the page, with its objects."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmdbsam.apis.volume.coarse_labels import CoarseLabelReader
from mmdbsam.apis.volume.prompts import CoarseLabels, VolumeBox
from mmdbsam.apis.volume.regions import VolumeObject
from mmdbsam.errors import InputError
from mmdbsam.io.input_files import is_text
from mmdbsam.io.left_behind import scratch_folder
from mmdbsam.io.readers import DicomSeriesReader
from mmdbsam.io.windowing import WINDOWS, PercentileWindow, Window
from mmdbsam.io.writers import Writers
from mmdbsam.serving.annotations import Annotations
from mmdbsam.serving.page_prompts import PromptReader, pack, whole
from mmdbsam.serving.page_voxels import ShownVoxels
from mmdbsam.serving.service import KeptSession
from mmdbsam.structures.colours import label_colour

# DICOM's type LO has at most 64 characters.
_LONGEST_NAME = 64
_PRESETS = {'soft_tissue': 'Soft tissue', 'lung': 'Lung', 'bone': 'Bone',
            'brain': 'Brain'}
_FORMATS = {'.seg.nrrd': '3D Slicer segmentation (.seg.nrrd)',
            '.nii.gz': 'NIfTI (.nii.gz)',
            '.seg.dcm': 'DICOM SEG (.dcm)'}

# What is sent to the page, or comes from there.
Sent = dict[str, Any]


class PageScan:
    """Shows and changes a session's objects as the page asks for it.

    All methods but :meth:`describe`, :meth:`progress` and the voxels are
    called one after the other.

    Args:
        kept: The scan with its session.
        annotations: Where labels are written.
    """

    def __init__(self, kept: KeptSession, annotations: Annotations) -> None:
        self.kept = kept
        self.session = kept.scan.session
        self.voxels = ShownVoxels(self.session.scan)
        self._annotations = annotations
        self._reader = PromptReader(self.session.plane)

    def close(self) -> None:
        """Leave the scan to others."""
        self.kept.close()

    def describe(self) -> Sent:
        """Say all that the page must know about the scan."""
        session, saved = self.session, self.kept.saved
        label = self._annotations.label_of(saved)
        return dict(
            id=saved.id, name=saved.name, stem=label.name[:-len('.seg.nrrd')],
            plane=session.state.plane,
            size=self.voxels.size, spacing=self.voxels.spacing,
            channels=self.voxels.channels, slope=self.voxels.slope,
            intercept=self.voxels.intercept,
            in_space=session.scan.in_space, modality=session.scan.modality,
            window=self._shown(session.state.windows[0]),
            presets=self._presets(), formats=self._formats(),
            kept=f'The server keeps {label.parent.name}/{label.name} too.',
            objects=[self._whole(i) for i in [*session.objects]],
            **self._steps())

    def progress(self, shown: int) -> Sent:
        """Say how far the scan is encoded and saved.

        Args:
            shown: The slice that the user looks at, which is encoded next.
        """
        if 0 <= shown < len(self.session.slices):
            self.kept.scan.look_at(shown)
        progress = self.kept.scan.progress()
        return dict(ready=len(progress.known), slices=progress.kept,
                    saved=self._annotations.is_written(self.kept.saved))

    def add(self, sent: Mapping[str, Any]) -> Sent:
        """Add an object, with a ``name`` or without."""
        name = None if sent.get('name') is None else _name(sent['name'])
        new = self._change(self.session.add_object, name)
        return dict(object=new, whole=self._whole(new), **self._steps())

    def rename(self, object_id: int, sent: Mapping[str, Any]) -> Sent:
        """Give an object another ``name``."""
        self._change(self.session.rename_object, object_id,
                     _name(sent.get('name')))
        return self._all_of(object_id)

    def remove(self, object_id: int) -> Sent:
        """Remove an object."""
        self._change(self.session.remove_object, object_id)
        return self._all_of(object_id)

    def prompt(self, object_id: int, sent: Mapping[str, Any]) -> Sent:
        """Answer a prompt; see :meth:`.PromptReader.prompt`."""
        prompt = self._reader.prompt(sent)
        index = self._change(self.session.answer, object_id, prompt)
        if isinstance(prompt, VolumeBox):
            # The object begins anew.
            return dict(self._all_of(object_id), slice=index)
        return self._slice_of(object_id, index)

    def paint(self, object_id: int, sent: Mapping[str, Any]) -> Sent:
        """Replace a ``slice``; see :meth:`.PromptReader.mask`."""
        index = whole(sent, 'slice')
        self._change(self.session.paint, object_id, index,
                     self._reader.mask(sent))
        return self._slice_of(object_id, index)

    def accept(self, object_id: int, sent: Mapping[str, Any]) -> Sent:
        """Keep a ``slice`` as it is when the object is followed."""
        index = whole(sent, 'slice')
        self._change(self.session.accept, object_id, index)
        return self._slice_of(object_id, index)

    def follow(self, object_id: int, index: int) -> Iterator[Sent]:
        """Follow an object from a slice, and give each slice at once."""
        try:
            for found in self.kept.scan.follow(object_id, index):
                yield self._pack(object_id, found)
        finally:
            self._annotations.write_soon(self.kept.saved, self.session)

    def undo(self) -> Sent:
        """Take the last change back."""
        return self._all_of(self._change(self.session.undo))

    def redo(self) -> Sent:
        """Make the change again that was taken back last."""
        return self._all_of(self._change(self.session.redo))

    def open_segmentation(self, path: Path) -> Sent:
        """Add the objects of a file of labels.

        Raises:
            InputError: If it cannot be read, or is on another grid.
        """
        found = CoarseLabelReader(self.session.scan, self.session.scan
                                  ).objects(None, CoarseLabels(path))
        self._change(self._take, [*found])
        return self.describe()

    def export(self, suffix: str) -> bytes:
        """Return a file of all objects.

        Args:
            suffix: The suffix of the file, which says its kind.

        Raises:
            InputError: If there is no object, or files of this kind cannot
                hold them.
        """
        if suffix not in [one['suffix'] for one in self._formats()]:
            raise InputError(f'format: expected one of {", ".join(_FORMATS)}, '
                             f'found {suffix[:50]!r}')
        result = self.session.result()
        if not any(mask.count() for mask in result.masks):
            raise InputError('objects: expected at least one with a mask, '
                             'found none')
        with scratch_folder() as folder:
            path = folder / f'segmentation{suffix}'
            Writers().find(path).write(result, self.kept.saved.path, path)
            return path.read_bytes()

    def _change(self, function: Any, *args: Any) -> Any:
        found = self.kept.scan.change(function, *args)
        self._annotations.write_soon(self.kept.saved, self.session)
        return found

    def _take(self, found: list[VolumeObject]) -> None:
        """Add objects of a file."""
        for one in found:
            mask = np.zeros(self.session.scan.values.shape[:3], bool)
            low = one.place.start.astype(int)[::-1]
            where = tuple(map(slice, low, low + one.place.mask.shape))
            mask[where] = one.place.mask
            new = self.session.add_object(one.name[:_LONGEST_NAME])
            self.session.give_mask(new, mask)

    def _slice_of(self, object_id: int, index: int) -> Sent:
        return dict(object=object_id, slice=index,
                    slices=[self._pack(object_id, index)], **self._steps())

    def _all_of(self, object_id: int | None) -> Sent:
        """All of an object, None if there is none."""
        return dict(object=object_id, whole=(
            self._whole(object_id) if object_id in self.session.objects
            else None), **self._steps())

    def _whole(self, object_id: int) -> Sent:
        one = self.session.objects[object_id]
        return dict(id=object_id, name=one.name,
                    colour=label_colour(object_id), slices=[
                        pack(z, state.mask, state.is_prompted)
                        for z, state in [*one.slices.items()]])

    def _pack(self, object_id: int, index: int) -> Sent:
        state = self.session.objects[object_id].slices.get(index)
        if state is None:
            return dict(slice=index, corner=[0, 0], shape=[0, 0], bits='',
                        prompted=False)
        return pack(index, state.mask, state.is_prompted)

    def _steps(self) -> Sent:
        return dict(undo=self.session.can_undo, redo=self.session.can_redo)

    def _presets(self) -> list[Sent]:
        """The windows that the user can choose from."""
        scan = self.session.scan
        if scan.values.ndim == 4:
            return []
        if scan.modality == 'CT':
            return [dict(name=name, **self._shown(WINDOWS[key]))
                    for key, name in _PRESETS.items()]
        low, high = float(scan.values.min()), float(scan.values.max())
        whole_range = Window((low + high) / 2, max(high - low, 1e-6))
        shown = dict(name='All values', **self._shown(whole_range))
        try:
            usual = PercentileWindow().fit(scan.values)
        except InputError:
            # All voxels are the same.
            return [shown]
        return [dict(name='Usual', **self._shown(usual)), shown]

    def _formats(self) -> list[Sent]:
        is_series = bool(DicomSeriesReader().case_name(self.kept.saved.path))
        return [dict(suffix=suffix, label=label)
                for suffix, label in _FORMATS.items()
                if is_series or suffix != '.seg.dcm']

    @staticmethod
    def _shown(window: Window) -> Sent:
        return dict(level=window.level, width=window.width)


def _name(sent: object) -> str:
    """Read the name of an object.

    Raises:
        InputError: If it is no line of 1 to 64 characters.
    """
    if not is_text(sent) or not 0 < len(str(sent).strip()) <= _LONGEST_NAME:
        raise InputError(f'name: expected a line of 1 to {_LONGEST_NAME} '
                         f'characters, found {str(sent)[:80]!r}')
    return str(sent).strip()
