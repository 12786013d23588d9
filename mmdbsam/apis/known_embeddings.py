"""Embeddings that another model with the same encoder has made already."""

import hashlib
from collections.abc import Iterable
from typing import Dict, List

import numpy as np
from torch import Tensor

from mmdbsam.apis.image_model import EncodedImage, ImageModel

# Further slices of a volume are encoded again.
_MEGABYTES = 1000


class KnownEmbeddings:
    """Keeps the embeddings of images in memory, as far as they fit.

    Args:
        max_megabytes: The memory that they may take.
    """

    def __init__(self, max_megabytes: float = _MEGABYTES) -> None:
        self.left = max_megabytes * 1e6
        self._embeddings: Dict[bytes, Tensor] = {}

    def keep(self, image: np.ndarray, embedding: Tensor) -> None:
        """Keep an embedding (1, C, h, w) if there is room for it."""
        size = embedding.nelement() * embedding.element_size()
        if size <= self.left:
            self.left -= size
            self._embeddings[_key(image)] = embedding

    def find(self, image: np.ndarray) -> Tensor | None:
        """Find the embedding of an image, uint8, or None if it is unknown."""
        return self._embeddings.get(_key(image))


class KnowingImageModel(ImageModel):
    """An image model that encodes only what was not encoded before.

    Args:
        model: The image model.
        known: The embeddings that its encoder would make.
    """

    def __init__(self, model: ImageModel, known: KnownEmbeddings) -> None:
        super().__init__(model.model, model.preprocess)
        self.dtype = model.dtype
        self.known = known

    def encode(self, images: Iterable[np.ndarray]) -> List[EncodedImage]:
        """See :meth:`.ImageModel.encode`."""
        images = list(images)
        found = [self.known.find(image) for image in images]
        if any(embedding is None for embedding in found):
            return super().encode(images)
        shape = images[0].shape[:2]
        resized = self.preprocess.resized_shape(images[0])
        return [EncodedImage(embedding, shape, resized)
                for embedding in found]


def _key(image: np.ndarray) -> bytes:
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image))
    return digest.digest()
