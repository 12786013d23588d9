"""Joins the classes of slices to those of a volume."""

from typing import Optional, Tuple

import numpy as np

from mmdbsam.geometry.planes import SlicePlane


class ClassVolume:
    """The class of each voxel, from the probabilities of slices.

    Args:
        count: The number of classes with the background, which is class 0.
        shape: The shape of the volume, (D, H, W).
        keeps_probabilities: Whether the probabilities of all voxels are kept,
            which the slices of several planes need. They are then averaged;
            otherwise a later slice replaces what is known of its voxels.

    Attributes:
        slices (int): The number of slices that were added.
    """

    def __init__(self, count: int, shape: Tuple[int, ...],
                 keeps_probabilities: bool) -> None:
        self.slices = 0
        self._count = count
        self._total: Optional[np.ndarray] = (
            np.zeros((count, *shape), np.float16) if keeps_probabilities
            else None)
        self._labels = np.zeros(shape, np.uint8)
        self._planes: set = set()
        # The sum of the probabilities of each class's own pixels.
        self._sums = np.zeros(count)
        self._pixels = np.zeros(count, int)

    def add(self, plane: SlicePlane, index: int, probabilities: np.ndarray
            ) -> None:
        """Add a slice, given the probabilities of its classes (C, H, W)."""
        self.slices += 1
        self._planes.add(plane.axes[2])
        classes = probabilities.argmax(axis=0)
        plane.slices(self._labels)[index][...] = classes
        self._pixels += np.bincount(classes.ravel(), minlength=self._count)
        self._sums += np.bincount(classes.ravel(),
                                  probabilities.max(axis=0).ravel(),
                                  minlength=self._count)
        if self._total is not None:
            for total, one in zip(self._total, probabilities, strict=True):
                plane.slices(total)[index][...] += one.astype(np.float16)

    def labels(self) -> np.ndarray:
        """The class of each voxel, uint8 (D, H, W)."""
        if self._total is None or len(self._planes) == 1:
            return self._labels
        return np.stack([self._total[:, z].argmax(axis=0)
                         for z in range(self._total.shape[1])]).astype(
                             np.uint8)

    def probabilities(self) -> np.ndarray:
        """The mean probabilities over the planes, float16 (C, D, H, W)."""
        return self._total / np.float16(len(self._planes))

    def confidence(self) -> np.ndarray:
        """The mean probability of each class's own pixels, float (C - 1,).

        It is 0 for classes without any; the background is left out.
        """
        return (self._sums / np.maximum(self._pixels, 1))[1:]
