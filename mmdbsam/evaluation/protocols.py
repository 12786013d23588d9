"""What a number means beside its formula: unit, tolerance, what is counted."""

from dataclasses import dataclass, replace
from typing import Dict, Optional, Tuple

from mmdbsam.errors import InputError


@dataclass(frozen=True)
class Protocol:
    """The conventions of an evaluation.

    Attributes:
        unit: 'mm', or 'voxel': then all spacings are 1.
        tolerance: Of the NSD, in that unit.
        min_volume: Voxels of a label in a block of slices below which it is
            not scored, where volumes are scored.
        slices: 'all' of a block, or 'foreground': only those with the label,
            stacked without gaps.
        stacked: Scores that, even where slices are scored as images, are
            those of all images together as one volume.
    """

    unit: str
    tolerance: float
    min_volume: int
    slices: str = 'all'
    stacked: Tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, known in (('unit', ('mm', 'voxel')),
                            ('slices', ('all', 'foreground'))):
            found = getattr(self, name)
            if found not in known:
                raise InputError(f'{name}: expected {" or ".join(known)}, '
                                 f'found {found!r}')


PROTOCOLS: Dict[str, Protocol] = {
    # 2 mm is the tolerance of the CVPR 2024 MedSAM-on-laptop challenge, 1000
    # voxels what MedSAM's curation keeps.
    'mm': Protocol(unit='mm', tolerance=2., min_volume=1000),
    # DB-SAM's release: its files hold nothing but slices with the structure,
    # and no spacing; the NSD of a 2-D task takes a file's images for a volume.
    'dbsam2024': Protocol(unit='voxel', tolerance=1., min_volume=1,
                          slices='foreground', stacked=('NSD', )),
}


def find_protocol(name: str, per_slice: bool = False,
                  **changes: Optional[object]) -> Protocol:
    """A protocol by its name, with those of its fields that are not None.

    Args:
        name: One of :data:`PROTOCOLS`.
        per_slice: Whether slices are scored as images: then, unless
            ``changes`` say otherwise, those with the label, however small.
        changes: Of the protocol's fields.

    Raises:
        InputError: If there is no such protocol, unit or choice of slices.
    """
    if name not in PROTOCOLS:
        raise InputError(f'protocol: expected one of {", ".join(PROTOCOLS)}, '
                         f'found {name!r}')
    fields = dict(slices='foreground', min_volume=1) if per_slice else {}
    fields.update({key: value for key, value in changes.items()
                   if value is not None})
    return replace(PROTOCOLS[name], **fields)
