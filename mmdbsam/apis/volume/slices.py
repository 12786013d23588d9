"""Encodes the slices of a volume as they are needed."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Tuple

import numpy as np

from mmdbsam.apis.image_model import EncodedImage, ImageModel, ImagePrompts
from mmdbsam.io.windowing import Window, to_eight_bits

# Embeddings are kept in memory for objects that pass a slice again later.
_MEGABYTES = 500


class PlaneSlices:
    """The slices of a plane, each of which is encoded once for all objects.

    Only the embeddings used last stay in memory, so that a volume may have
    any number of slices.

    Args:
        model: The model.
        volume: The volume, (D, H, W) or (D, H, W, 3), with the slices first.
        windows: The grey-value windows, as :func:`.fit_windows` returns them.
        batch_size: The number of slices that are encoded at once.
    """

    def __init__(self, model: ImageModel, volume: np.ndarray,
                 windows: Sequence[Window], batch_size: int) -> None:
        self.model = model
        self.volume = volume
        self.windows = windows
        self.batch_size = batch_size
        self._encoded: OrderedDict[int, EncodedImage] = OrderedDict()

    def __len__(self) -> int:
        return len(self.volume)

    @property
    def shape(self) -> Tuple[int, int]:
        """The size of a slice, (H, W)."""
        return self.volume.shape[1:3]

    def image(self, index: int) -> np.ndarray:
        """Return a slice within its windows, uint8 (H, W) or (H, W, 3)."""
        return to_eight_bits(self.volume[index], self.windows)

    def segment(self, index: int, prompts: ImagePrompts,
                following: Iterable[int] = ()
                ) -> Tuple[np.ndarray, np.ndarray]:
        """Segment n objects in a slice.

        Args:
            index: The slice.
            prompts: The prompts of the objects.
            following: Slices that will be asked for next; some of them are
                encoded with this one.

        Returns:
            tuple: Logits float32 (n, H, W) and predicted IoU (n,).
        """
        if index not in self._encoded:
            self._encode([index, *islice(
                (i for i in following if i not in self._encoded),
                self.batch_size - 1)])
        self._encoded.move_to_end(index)
        logits, iou = self.model.decode(self._encoded[index], prompts)
        return logits[:, 0].cpu().numpy(), iou[:, 0].cpu().numpy()

    def _encode(self, indices: Sequence[int]) -> None:
        images = self.model.encode(self.image(i) for i in indices)
        self._encoded.update(zip(indices, images, strict=True))
        embedding = images[0].embedding
        size = embedding.nelement() * embedding.element_size()
        kept = max(_MEGABYTES * 10**6 // size, 2 * self.batch_size)
        while len(self._encoded) > kept:
            self._encoded.popitem(last=False)
