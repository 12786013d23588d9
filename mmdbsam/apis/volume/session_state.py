"""The objects of a session, and the file that they are kept in."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple
from zipfile import BadZipFile

import numpy as np

from mmdbsam.apis.image_model import ImagePrompts
from mmdbsam.apis.scans import Scan
from mmdbsam.apis.volume.propagation import Limit, PropagationRule
from mmdbsam.errors import InputError
from mmdbsam.geometry.planes import SlicePlane
from mmdbsam.io.atomic import staged_file
from mmdbsam.io.readers.stored_voxels import refuse_bomb
from mmdbsam.io.windowing import Window
from mmdbsam.structures.packed_mask import PackedMask

_FORMAT = 1


@dataclass(frozen=True)
class SliceState:
    """What is known of an object on a slice.

    Attributes:
        mask: The mask, of the slice's size.
        iou: The predicted IoU; 1 for a mask that was given.
        turns: The prompts of each turn that led to the mask, in pixels of the
            slice; see :meth:`.ImageModel.refine`. They are empty for a mask
            that was given.
        is_prompted: Whether the user prompted the object on this slice, or
            gave its mask, so that the object is not followed across it.
    """

    mask: PackedMask
    iou: float
    turns: Tuple[ImagePrompts, ...]
    is_prompted: bool


@dataclass
class SessionObject:
    """An object of a session.

    Attributes:
        id: The object's id in the label volume, > 0.
        name: The object's name.
        slices: The states of the slices that show the object, and of those
            that were prompted, by their indices.
        limit: The 3-D box that the object is within, if one was given.
    """

    id: int
    name: str
    slices: Dict[int, SliceState] = field(default_factory=dict)
    limit: Optional[Limit] = None

    @property
    def prompted(self) -> List[int]:
        """The slices that were prompted."""
        return [z for z, state in self.slices.items() if state.is_prompted]

    def snapshot(self) -> 'SessionObject':
        """Copy the object; the states, which do not change, are shared."""
        return replace(self, slices=dict(self.slices))


@dataclass(frozen=True)
class SessionState:
    """All of a session but its image and its model.

    Attributes:
        plane: The plane of the slices.
        units: The prompts' units.
        windows: The grey-value windows of the image.
        rule: The rule by which objects are followed.
        objects: The objects.
    """

    plane: str
    units: str
    windows: List[Window]
    rule: PropagationRule
    objects: List[SessionObject]


def write_session(path: Path, scan: Scan, state: SessionState) -> None:
    """Write a session, all of it or nothing.

    The image itself is not written, but a digest of it.

    Args:
        path: The file, whose suffix should be ``.npz``.
        scan: The image.
        state: The session.
    """
    masks: List[PackedMask] = []

    def keep(mask: PackedMask) -> int:
        masks.append(mask)
        return len(masks) - 1

    content = dict(
        format=_FORMAT, image=_image(scan), plane=state.plane,
        units=state.units, windows=[asdict(one) for one in state.windows],
        rule=asdict(state.rule), objects=[dict(
            id=one.id, name=one.name,
            limit=one.limit and dict(first=one.limit.first,
                                     last=one.limit.last,
                                     box=one.limit.box.tolist()),
            slices=[dict(index=z, iou=slice_.iou, mask=keep(slice_.mask),
                         is_prompted=slice_.is_prompted,
                         turns=[_turn(turn, keep) for turn in slice_.turns])
                    for z, slice_ in one.slices.items()])
            for one in state.objects])
    with staged_file(path) as partial, open(partial, 'wb') as file:
        np.savez_compressed(
            file, content=np.array(json.dumps(content)),
            corner=np.array([m.corner for m in masks],
                            np.int32).reshape(-1, 2),
            shape=np.array([m.shape for m in masks], np.int32).reshape(-1, 2),
            bits=np.concatenate([np.zeros(0, np.uint8),
                                 *(m.bits for m in masks)]))


def read_session(path: Path, scan: Scan) -> SessionState:
    """Read a session.

    Args:
        path: A file that :func:`write_session` wrote.
        scan: The image.

    Raises:
        InputError: If the file is missing or is none of these, or if it is of
            another image.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            for part in file.zip.infolist():
                refuse_bomb(path, part.file_size, part.compress_size)
            content = json.loads(str(file['content']))
            masks = _unpacked(file['corner'], file['shape'], file['bits'])
        if content['format'] != _FORMAT:
            raise InputError(f'{path}: expected a session of format {_FORMAT},'
                             f' found {content["format"]}')
        for key, expected in _image(scan).items():
            if content['image'][key] != expected:
                raise InputError(
                    f'{path}: expected a session of {scan.name}, found one of '
                    f'an image of another {key}')
        width, height, depth = SlicePlane(scan.geometry,
                                          content['plane']).size
        objects = [_object(one, masks, (height, width))
                   for one in content['objects']]
        _check(objects, depth)
        return SessionState(
            content['plane'], content['units'],
            [Window(**one) for one in content['windows']],
            PropagationRule(**content['rule']), objects)
    except InputError:
        raise
    except (OSError, EOFError, BadZipFile, ValueError, KeyError, TypeError,
            IndexError, AttributeError) as error:
        raise InputError(f'{path}: expected a session, found '
                         f'{type(error).__name__}: {error}') from error


def _check(objects: Sequence[SessionObject], depth: int) -> None:
    """Raise a ValueError for objects that cannot be of D slices."""
    ids = [one.id for one in objects]
    if not all(isinstance(i, int) and i > 0 for i in ids) or (
            len({*ids}) < len(ids)):
        raise ValueError(f'the ids {ids}')
    for one in objects:
        for index, state in one.slices.items():
            if index not in range(depth) or not np.isfinite(state.iou):
                raise ValueError(f'slice {index} of {one.name}')


def _image(scan: Scan) -> Dict[str, Any]:
    return dict(size=list(scan.values.shape), content=scan.digest)


def _turn(turn: ImagePrompts, keep: Any) -> Dict[str, Any]:
    return dict(
        **{name: None if value is None else value.tolist() for name, value in
           dict(boxes=turn.boxes, points=turn.points,
                point_labels=turn.point_labels).items()},
        masks=None if turn.masks is None else [
            keep(PackedMask.pack(mask)) for mask in turn.masks])


def _object(content: Dict[str, Any], masks: Sequence[PackedMask],
            shape: Tuple[int, int]) -> SessionObject:
    limit, slices = content['limit'], {}
    for one in content['slices']:
        mask = masks[one['mask']]
        # It fails for a mask that leaves the slice.
        mask.whole(shape)
        slices[one['index']] = SliceState(
            mask, float(one['iou']),
            tuple(_prompts(turn, masks, shape) for turn in one['turns']),
            bool(one['is_prompted']))
    return SessionObject(
        content['id'], str(content['name']), slices,
        limit and Limit(int(limit['first']), int(limit['last']),
                        np.array(limit['box'], float).reshape(4)))


def _prompts(turn: Dict[str, Any], masks: Sequence[PackedMask],
             shape: Tuple[int, int]) -> ImagePrompts:
    def given(name: str, kind: type, *shape: int) -> Optional[np.ndarray]:
        if turn[name] is None:
            return None
        return np.array(turn[name], kind).reshape(shape)

    return ImagePrompts(
        given('boxes', float, -1, 4), given('points', float, 1, -1, 2),
        given('point_labels', int, 1, -1),
        None if turn['masks'] is None else np.stack(
            [masks[place].whole(shape) for place in turn['masks']]))


def _unpacked(corners: np.ndarray, shapes: np.ndarray, bits: np.ndarray
              ) -> List[PackedMask]:
    lengths = -(-shapes.prod(axis=1) // 8)
    if min(corners.min(initial=0), shapes.min(initial=0)) < 0 or (
            lengths.sum() != len(bits)):
        raise ValueError('masks of other lengths than their shapes')
    crops = np.split(bits, np.cumsum(lengths))[:-1]
    return [PackedMask(tuple(map(int, corner)), tuple(map(int, shape)), crop)
            for corner, shape, crop in zip(corners, shapes, crops,
                                           strict=True)]
