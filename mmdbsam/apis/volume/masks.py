"""Joins the masks of slices to masks of a volume."""

from dataclasses import dataclass, field
from typing import Dict, Sequence, Tuple

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from scipy.special import expit

from mmdbsam.apis.scans import Scan
from mmdbsam.apis.volume.propagation import Found
from mmdbsam.geometry.boxes import bounding_box
from mmdbsam.geometry.grids import resample, set_geometry
from mmdbsam.geometry.planes import SlicePlane
from mmdbsam.structures.packed_mask import PackedMask

# Probabilities below this count as 0 and are not kept.
_NOTHING = 1e-3


@dataclass
class SliceMasks:
    """The masks of an object in the slices of one plane.

    Attributes:
        plane: The plane.
        masks: The mask of each slice, by the slice's index.
        weighted_iou: The sum of the predicted IoU over the masks' pixels.
        pixels: The number of these pixels.
    """

    plane: SlicePlane
    masks: Dict[int, PackedMask] = field(default_factory=dict)
    weighted_iou: float = 0.
    pixels: int = 0

    def add(self, index: int, logits: np.ndarray, iou: float) -> None:
        """Add a slice, given its logits (H, W) and its predicted IoU.

        A slice that was added before has another part of the object.
        """
        mask = logits > 0
        count = int(np.count_nonzero(mask))
        self.weighted_iou += count * iou
        self.pixels += count
        if index in self.masks:
            mask[self.masks[index].where] |= self.masks[index].crop()
        if count:
            self.masks[index] = PackedMask.pack(mask)

    def add_found(self, found: Found) -> None:
        """Add what an object's following found on a slice."""
        self.add(found.index, found.logits, found.iou)

    def volume(self, shape: Tuple[int, ...]) -> np.ndarray:
        """Return the masks in the volume, bool (D, H, W)."""
        volume = np.zeros(shape, bool)
        slices = self.plane.slices(volume)
        for index, mask in self.masks.items():
            slices[index][mask.where] = mask.crop()
        return volume


@dataclass
class SliceProbabilities(SliceMasks):
    """Masks that keep their probabilities too, where these are not 0.

    Attributes:
        probabilities: The crop of each slice and the float16 values in it, by
            the slice's index.
    """

    probabilities: Dict[int, Tuple[Tuple[slice, ...], np.ndarray]] = field(
        default_factory=dict)

    def add(self, index: int, logits: np.ndarray, iou: float) -> None:
        """See :class:`SliceMasks`."""
        super().add(index, logits, iou)
        probabilities = expit(logits)
        if index in self.probabilities:
            where, values = self.probabilities[index]
            probabilities[where] = np.maximum(probabilities[where], values)
        where = bounding_box(probabilities > _NOTHING)
        if where:
            self.probabilities[index] = (
                where, probabilities[where].astype(np.float16))


def mean_mask(found: Sequence[SliceProbabilities], shape: Tuple[int, ...]
              ) -> np.ndarray:
    """Find where the mean probability of several planes exceeds a half.

    A plane whose slice has no prompt counts as 0 there.

    Args:
        found: The probabilities of the object in each plane.
        shape: The shape of the volume, (D, H, W).

    Returns:
        np.ndarray: The mask, bool (D, H, W).
    """
    total = np.zeros(shape, np.float16)
    for one in found:
        slices = one.plane.slices(total)
        for index, (where, values) in one.probabilities.items():
            slices[index][where] += values
    return total > 0.5 * len(found)


def confidence(found: Sequence[SliceMasks]) -> float:
    """Average the predicted IoU over the masks' pixels; 0 without any."""
    pixels = sum(one.pixels for one in found)
    return (sum(one.weighted_iou for one in found) / pixels if pixels else 0.)


def on_grid_of(scan: Scan, mask: np.ndarray, working: Scan) -> np.ndarray:
    """Bring a mask to the grid of a scan, by its nearest voxels.

    Args:
        scan: The scan.
        mask: The mask, bool (d, h, w), on the grid of ``working``.
        working: The scan itself, or a resampled copy of it.
    """
    if working is scan:
        return mask
    image = set_geometry(sitk.GetImageFromArray(mask.astype(np.uint8)),
                         working.geometry)
    return resample(image, scan.geometry, sitk.sitkNearestNeighbor) > 0


def clean_up(mask: np.ndarray, keep_largest: bool, fill_holes: bool
             ) -> PackedMask:
    """Pack a mask, after cleaning it up as asked.

    Args:
        mask: The mask, bool (D, H, W), which is changed in place.
        keep_largest: Whether to keep only the largest component.
        fill_holes: Whether to fill holes, that is background that the mask
            encloses in three dimensions.
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
    """Find the component of a mask that has the most voxels.

    Voxels that touch at a corner are connected.

    Args:
        mask: The mask, bool, of any dimension.

    Returns:
        np.ndarray: The component, bool, of the same shape. An empty mask stays
        empty.
    """
    labels, count = ndimage.label(mask, np.ones((3, ) * mask.ndim))
    if count < 2:
        return mask
    return labels == 1 + np.bincount(labels.ravel())[1:].argmax()
