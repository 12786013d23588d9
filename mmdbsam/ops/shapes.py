"""The shapes of a pyramid's levels."""

from typing import List, Sequence, Tuple, Union

from torch import Tensor

Shapes = Sequence[Tuple[int, int]]
SpatialShapes = Union[Tensor, Shapes]


def as_shapes(spatial_shapes: SpatialShapes) -> Shapes:
    """Make a list of pairs (h, w) from such pairs or from a tensor (L, 2)."""
    if isinstance(spatial_shapes, Tensor):
        spatial_shapes = spatial_shapes.tolist()
    return [(h, w) for h, w in spatial_shapes]


def level_starts(shapes: Shapes) -> List[int]:
    """The index of the first token of each level."""
    starts = [0]
    for h, w in shapes[:-1]:
        starts.append(starts[-1] + h * w)
    return starts
