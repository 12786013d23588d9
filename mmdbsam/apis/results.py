"""What inference returns."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from mmdbsam.datasets.preparation.grids import Geometry, set_geometry


@dataclass(frozen=True)
class SegmentResult:
    """Masks of n objects in one image.

    With ``multimask_output`` the arrays have a dimension of three masks after
    the first.

    Attributes:
        masks: bool (n, [3,] H, W).
        iou: The predicted IoU, float32 (n, [3]). Training for single masks
            leaves the head that predicts it as it was in SAM.
        logits: float32 (n, [3,] H, W); the masks are where they exceed 0.
    """

    masks: np.ndarray
    iou: np.ndarray
    logits: np.ndarray


@dataclass(frozen=True)
class VolumeResult:
    """Masks of n objects in a volume, on the volume's own grid.

    Attributes:
        labels: (D, H, W), uint8 or, with ids over 255, uint16: 0 for
            background, else the object's id. Where objects overlap, the
            smallest is shown.
        ids: The n ids.
        names: The n names.
        confidence: float (n,): the predicted IoU, mean over the object's
            slices, weighted by their areas; 0 for an empty mask.
        geometry: The grid: ``size``, ``spacing``, ``origin``, ``direction``
            in SimpleITK's order (x, y, z), mm.
    """

    labels: np.ndarray
    ids: list[int]
    names: list[str]
    confidence: np.ndarray
    geometry: Geometry

    def mask(self, index: int) -> np.ndarray:
        """The whole mask of an object, also where others overlap it.

        Args:
            index: 0 to n - 1.

        Returns:
            bool (D, H, W).
        """
        raise NotImplementedError

    def volumes_ml(self) -> np.ndarray:
        """The objects' volumes in mL, float (n,), with what overlaps."""
        raise NotImplementedError

    def image(self) -> sitk.Image:
        """The labels with the geometry of the input."""
        return set_geometry(sitk.GetImageFromArray(self.labels),
                            self.geometry)
