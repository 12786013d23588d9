"""From what was found in slices to the masks of a volume."""

from dataclasses import dataclass, field
from typing import Dict, Sequence, Tuple

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from scipy.special import expit

from mmdbsam.apis.scans import Scan
from mmdbsam.geometry.boxes import bounding_box
from mmdbsam.geometry.grids import resample, set_geometry
from mmdbsam.geometry.planes import SlicePlane
from mmdbsam.structures.packed_mask import PackedMask

# Of a probability, what may be taken for 0.
_NOTHING = 1e-3


@dataclass
class SliceMasks:
    """The masks of an object in the slices of one plane.

    Attributes:
        plane: The plane.
        masks: Slice to its mask.
        weighted_iou: Sum of the predicted IoU over the masks' pixels.
        pixels: How many these are.
    """

    plane: SlicePlane
    masks: Dict[int, PackedMask] = field(default_factory=dict)
    weighted_iou: float = 0.
    pixels: int = 0

    def add(self, index: int, logits: np.ndarray, iou: float) -> None:
        """Take the logits (H, W) and the predicted IoU of a slice."""
        mask = logits > 0
        count = int(np.count_nonzero(mask))
        self.weighted_iou += count * iou
        self.pixels += count
        if count:
            self.masks[index] = PackedMask.pack(mask)

    def volume(self, shape: Tuple[int, ...]) -> np.ndarray:
        """The masks in the volume, bool (D, H, W)."""
        volume = np.zeros(shape, bool)
        slices = self.plane.slices(volume)
        for index, mask in self.masks.items():
            slices[index][mask.where] = mask.crop()
        return volume


@dataclass
class SliceProbabilities(SliceMasks):
    """Also keeps the probabilities, cropped to where they are not 0.

    Attributes:
        probabilities: Slice to a crop and the float16 values in it.
    """

    probabilities: Dict[int, Tuple[Tuple[slice, ...], np.ndarray]] = field(
        default_factory=dict)

    def add(self, index: int, logits: np.ndarray, iou: float) -> None:
        """See :class:`SliceMasks`."""
        super().add(index, logits, iou)
        probabilities = expit(logits)
        where = bounding_box(probabilities > _NOTHING)
        if where:
            self.probabilities[index] = (
                where, probabilities[where].astype(np.float16))


def mean_mask(found: Sequence[SliceProbabilities], shape: Tuple[int, ...]
              ) -> np.ndarray:
    """Where the mean probability of several planes exceeds a half.

    A plane whose slice has no prompt counts as 0 there.

    Returns:
        bool (D, H, W).
    """
    total = np.zeros(shape, np.float16)
    for one in found:
        slices = one.plane.slices(total)
        for index, (where, values) in one.probabilities.items():
            slices[index][where] += values
    return total > 0.5 * len(found)


def confidence(found: Sequence[SliceMasks]) -> float:
    """The mean predicted IoU of the masks' pixels, 0 if there are none."""
    pixels = sum(one.pixels for one in found)
    return (sum(one.weighted_iou for one in found) / pixels if pixels else 0.)


def on_grid_of(scan: Scan, mask: np.ndarray, working: Scan) -> np.ndarray:
    """A mask on the grid of a scan, by the nearest voxels.

    Args:
        scan: The scan.
        mask: bool (d, h, w) on the grid of ``working``.
        working: The scan, or a resampled one.
    """
    if working is scan:
        return mask
    image = set_geometry(sitk.GetImageFromArray(mask.astype(np.uint8)),
                         working.geometry)
    return resample(image, scan.geometry, sitk.sitkNearestNeighbor) > 0


def clean_up(mask: np.ndarray, keep_largest: bool, fill_holes: bool
             ) -> PackedMask:
    """Keep a mask, maybe its largest component only, maybe with holes filled.

    A hole is background that the mask encloses in three dimensions.
    """
    cropped = PackedMask.pack(mask)
    if not cropped.bits.size:
        return cropped
    crop = cropped.crop()
    if keep_largest:
        crop = largest_component(crop)
    if fill_holes:
        crop = ndimage.binary_fill_holes(crop)
    mask[cropped.where] = crop
    return PackedMask.pack(mask)


def largest_component(mask: np.ndarray) -> np.ndarray:
    """The component of a mask with most voxels, corners connecting.

    Args:
        mask: bool, of any dimension.

    Returns:
        bool of the same shape; an empty mask stays empty.
    """
    labels, count = ndimage.label(mask, np.ones((3, ) * mask.ndim))
    if count < 2:
        return mask
    return labels == 1 + np.bincount(labels.ravel())[1:].argmax()
