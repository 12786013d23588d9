"""The results of inference."""

from dataclasses import dataclass
from typing import List, Optional, Tuple

import numpy as np
import SimpleITK as sitk

from mmdbsam.geometry.grids import Geometry, set_geometry
from mmdbsam.structures.packed_mask import PackedMask


@dataclass(frozen=True)
class SegmentResult:
    """The masks of n objects in one image.

    With ``multimask_output``, the arrays have a second dimension for the three
    masks of each object.

    Attributes:
        masks: The masks, bool (n, [3,] H, W).
        iou: The predicted IoU, float32 (n, [3]). Training with single masks
            leaves the head that predicts it as it was in SAM.
        logits: The mask logits, float32 (n, [3,] H, W); a mask is true where
            they exceed 0.
    """

    masks: np.ndarray
    iou: np.ndarray
    logits: np.ndarray


@dataclass(frozen=True)
class VolumeTiming:
    """How long it took to segment a volume.

    Attributes:
        slices: The number of slices that were segmented, in all planes.
        seconds: The seconds from the volume in memory to its masks.
        workers: The number of slices that were computed side by side.
    """

    slices: int
    seconds: float
    workers: int

    @property
    def seconds_per_slice(self) -> float:
        """The seconds that a slice took on average."""
        return self.seconds / max(1, self.slices)


@dataclass(frozen=True)
class VolumeResult:
    """The masks of n objects in a volume, on the volume's own grid.

    Attributes:
        masks: The n masks, cropped; see :meth:`mask`.
        ids: The n ids, which differ and are > 0.
        names: The n names.
        confidence: The predicted IoU of each object, float (n,): the mean over
            its slices, weighted by their areas; 0 for an empty mask. Of a
            model without prompts, the mean probability of the object's voxels.
        geometry: The grid: ``size``, ``spacing``, ``origin`` and ``direction``
            in SimpleITK's order (x, y, z), in mm. An image without a place in
            the scanner's space has voxels of 1 mm and lies at the origin.
        timing: How long the segmentation took; None for a result that was put
            together otherwise.
        probabilities: The probability of the background and then of each
            object, float16 (1 + n, D, H, W), if a model without prompts was
            asked for it.
    """

    masks: List[PackedMask]
    ids: List[int]
    names: List[str]
    confidence: np.ndarray
    geometry: Geometry
    timing: Optional[VolumeTiming] = None
    probabilities: Optional[np.ndarray] = None

    @property
    def shape(self) -> Tuple[int, ...]:
        """The shape of the volume, (D, H, W)."""
        return tuple(self.geometry['size'][::-1])

    def mask(self, index: int) -> np.ndarray:
        """The whole mask of an object, even where others overlap it.

        Args:
            index: The object's index, 0 to n - 1.

        Returns:
            The mask, bool (D, H, W).
        """
        whole = np.zeros(self.shape, bool)
        whole[self.masks[index].where] = self.masks[index].crop()
        return whole

    @property
    def labels(self) -> np.ndarray:
        """All objects in one array, made anew at each call.

        Returns:
            The ids of the objects and 0 for background, (D, H, W), uint8 or,
            with ids over 255, uint16. Where objects overlap, the smallest is
            shown, so that a part is visible on its whole.
        """
        labels = np.zeros(self.shape,
                          np.uint8 if max(self.ids) < 256 else np.uint16)
        by_size = sorted(range(len(self.masks)), reverse=True,
                         key=lambda i: self.masks[i].count())
        for i in by_size:
            labels[self.masks[i].where][self.masks[i].crop()] = self.ids[i]
        return labels

    def volumes_ml(self) -> np.ndarray:
        """The volumes of the objects in mL, overlaps included, float (n,)."""
        voxel = np.prod(self.geometry['spacing']) / 1000
        return np.array([mask.count() * voxel for mask in self.masks])

    def image(self) -> sitk.Image:
        """The labels with the input's size, spacing, origin and direction."""
        return set_geometry(sitk.GetImageFromArray(self.labels),
                            self.geometry)
