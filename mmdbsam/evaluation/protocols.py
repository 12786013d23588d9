"""The conventions that give a score its meaning beside its formula."""

from dataclasses import dataclass, replace
from typing import Dict, Optional, Tuple

from mmdbsam.errors import InputError


@dataclass(frozen=True)
class Protocol:
    """The conventions of an evaluation.

    Attributes:
        unit: The unit of distances, 'mm' or 'voxel'. With 'voxel', all
            spacings are 1.
        tolerance: The tolerance of the NSD, in that unit.
        min_volume: The least number of voxels of a label in a block of slices
            for it to be scored, where volumes are scored.
        slices: The slices of a block that are scored: 'all', or 'foreground'
            for those with the label only, stacked without gaps.
        stacked: The scores that are computed from all images together as one
            volume, even where slices are scored as images.
        resampling: The way of the model's logits to the original slice, see
            :func:`.logits_on_image`.

    Raises:
        InputError: If the unit, the choice of slices or the resampling is
            unknown.
    """

    unit: str
    tolerance: float
    min_volume: int
    slices: str = 'all'
    stacked: Tuple[str, ...] = ()
    resampling: str = 'input'

    def __post_init__(self) -> None:
        for name, known in (('unit', ('mm', 'voxel')),
                            ('slices', ('all', 'foreground')),
                            ('resampling', ('input', 'direct'))):
            found = getattr(self, name)
            if found not in known:
                raise InputError(f'{name}: expected {" or ".join(known)}, '
                                 f'found {found!r}')


#: The protocols by name.
PROTOCOLS: Dict[str, Protocol] = {
    # 2 mm is the tolerance of the CVPR 2024 MedSAM-on-laptop challenge, and
    # 1000 voxels is the least that MedSAM's curation keeps.
    'mm': Protocol(unit='mm', tolerance=2., min_volume=1000),
    # The files of DB-SAM's release hold only slices with the structure, and no
    # spacing. The NSD of its 2-D tasks takes a file's images for a volume. Its
    # images have the size of the logits, which are thresholded as they are.
    'dbsam2024': Protocol(unit='voxel', tolerance=1., min_volume=1,
                          slices='foreground', stacked=('NSD', ),
                          resampling='direct'),
}


def find_protocol(name: str, per_slice: bool = False,
                  **changes: Optional[object]) -> Protocol:
    """Find a protocol by its name, and change some of its fields.

    Args:
        name: The protocol's name, one of :data:`PROTOCOLS`.
        per_slice: Whether slices are scored as images. If they are, only
            slices with the label count, and labels of any size, unless
            ``changes`` say otherwise.
        **changes: The protocol's fields to change; None changes nothing.

    Raises:
        InputError: If there is no such protocol, unit, choice of slices or
            resampling.
    """
    if name not in PROTOCOLS:
        raise InputError(f'protocol: expected one of {", ".join(PROTOCOLS)}, '
                         f'found {name!r}')
    fields = dict(slices='foreground', min_volume=1) if per_slice else {}
    fields.update({key: value for key, value in changes.items()
                   if value is not None})
    return replace(PROTOCOLS[name], **fields)
