"""Encodes the slices of a volume as they are needed."""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import Deque, List, Optional, Set, Tuple

import numpy as np
from torch import Tensor

from mmdbsam.apis.image_model import EncodedImage, ImageModel, ImagePrompts
from mmdbsam.apis.volume.workers import SliceWorkers
from mmdbsam.io.windowing import Window, to_eight_bits

# Embeddings are kept in memory for objects that pass a slice again later.
_MEMORY = 500 * 10**6

# Logits float32 (n, H, W) and predicted IoU (n,) of the objects in a slice.
Decoded = Tuple[np.ndarray, np.ndarray]


class PlaneSlices:
    """The slices of a plane, each of which is encoded once for all objects.

    Only the embeddings used last stay in memory, so that a volume may have
    any number of slices. Several threads may use the slices at once.

    Args:
        model: The model.
        volume: The volume, (D, H, W) or (D, H, W, 3), with the slices first.
        windows: The grey-value windows, as :func:`.fit_windows` returns them.
        batch_size: The number of slices that are encoded in one call of the
            model.
        workers: The workers that encode and decode.

    Attributes:
        segmented: The slices that were segmented so far.
    """

    def __init__(self, model: ImageModel, volume: np.ndarray,
                 windows: Sequence[Window], batch_size: int,
                 workers: SliceWorkers) -> None:
        self.model = model
        self.volume = volume
        self.windows = windows
        self.batch_size = batch_size
        self.workers = workers
        self.segmented: Set[int] = set()
        # Beside workers, a slice in advance for each keeps all of them busy.
        self._ahead = workers.count if workers.count > 1 else batch_size - 1
        self._memory = _MEMORY
        # The batch that a slice is encoded in, and its place there.
        self._encoded: OrderedDict[
            int, Tuple[Future[List[EncodedImage]], int]] = OrderedDict()
        self._lock = threading.Lock()
        # The bytes of an embedding, as soon as there is one.
        self._size: Optional[int] = None

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
                following: Iterable[int] = ()) -> Decoded:
        """Segment n objects in a slice.

        Args:
            index: The slice.
            prompts: The prompts of the objects.
            following: Slices that will be asked for next; some of them are
                encoded with this one.

        Returns:
            tuple: Logits float32 (n, H, W) and predicted IoU (n,).
        """
        return self._decode(self._image_of(index, following), prompts)

    def segment_each(self, prompts: Mapping[int, ImagePrompts]
                     ) -> Iterator[Tuple[int, Decoded]]:
        """Segment slices whose prompts are all known, side by side.

        Args:
            prompts: The prompts of each slice, by the slice's index.

        Yields:
            The slice, and what :meth:`segment` returns for it, in the order
            of the prompts.
        """
        order = list(prompts)
        begun: Deque[Tuple[int, Future[Decoded]]] = deque()
        for done, index in enumerate(order, start=1):
            image = self._image_of(index, order[done:])
            begun.append((index, self.workers.submit(self._decode, image,
                                                     prompts[index])))
            # No more than these wait in memory.
            if len(begun) >= self.workers.count:
                first, decoded = begun.popleft()
                yield first, decoded.result()
        for index, decoded in begun:
            yield index, decoded.result()

    def refine(self, index: int, turns: Sequence[ImagePrompts],
               logits: Optional[Tensor] = None
               ) -> Tuple[np.ndarray, float, Tensor]:
        """Segment one object in a slice, turn by turn.

        Args:
            index: The slice.
            turns: See :meth:`.ImageModel.refine`.
            logits: See :meth:`.ImageModel.refine`.

        Returns:
            tuple: Logits float32 (H, W), the predicted IoU, and the
            low-resolution logits for a later turn.
        """
        image = self._image_of(index)
        found, iou, logits = self.model.refine(image, turns, logits)
        return found.cpu().numpy(), float(iou), logits

    @property
    def known(self) -> List[int]:
        """The slices whose embeddings are in memory, in ascending order."""
        with self._lock:
            return sorted(index for index, (images, _) in self._encoded.items()
                          if images.done())

    @property
    def capacity(self) -> int:
        """The number of slices whose embeddings are kept."""
        if self._size is None:
            return len(self)
        return max(self._memory // self._size, 2 * (self._ahead + 1))

    def keep_within(self, memory: int) -> None:
        """Let the embeddings that are kept take so many bytes at most."""
        with self._lock:
            self._memory = memory
            self._forget_oldest()

    def prefetch(self, order: Sequence[int]) -> bool:
        """Encode a slice before it is asked for, in the calling thread.

        Args:
            order: The slices that may be asked for, the likeliest first. The
                first that is not known is encoded, and those of them that are
                known stay in memory before all others.

        Returns:
            bool: Whether there was a slice to encode.
        """
        images: Future[List[EncodedImage]] = Future()
        with self._lock:
            for other in reversed(order):
                if other in self._encoded:
                    self._encoded.move_to_end(other)
            index = next((i for i in order if i not in self._encoded), None)
            if index is None:
                return False
            self._encoded[index] = images, 0
        try:
            images.set_result(self._encode([index]))
        except BaseException as error:
            with self._lock:
                self._encoded.pop(index, None)
            # It rises again where the slice was asked for meanwhile.
            images.set_exception(error)
            raise
        self._measure(images.result()[0])
        return True

    def _image_of(self, index: int, following: Iterable[int] = ()
                  ) -> EncodedImage:
        with self._lock:
            if index not in self._encoded or self.workers.count > 1:
                wanted = [i for i in (index, *islice(following, self._ahead))
                          if i not in self._encoded]
                for start in range(0, len(wanted), self.batch_size):
                    batch = wanted[start:start + self.batch_size]
                    images = self.workers.submit(self._encode, batch)
                    self._encoded.update((i, (images, place))
                                         for place, i in enumerate(batch))
            self.segmented.add(index)
            self._encoded.move_to_end(index)
            images, place = self._encoded[index]
        try:
            image = images.result()[place]
        except BaseException:
            # The next to ask for the slice tries again.
            with self._lock:
                if self._encoded.get(index) == (images, place):
                    del self._encoded[index]
            raise
        self._measure(image)
        return image

    def _encode(self, indices: Sequence[int]) -> List[EncodedImage]:
        return self.model.encode(self.image(i) for i in indices)

    def _decode(self, image: EncodedImage, prompts: ImagePrompts) -> Decoded:
        logits, iou = self.model.decode(image, prompts)
        return logits[:, 0].cpu().numpy(), iou[:, 0].cpu().numpy()

    def _measure(self, image: EncodedImage) -> None:
        """Learn how large an embedding is, and keep as many as fit."""
        with self._lock:
            self._size = (image.embedding.nelement()
                          * image.embedding.element_size())
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        while len(self._encoded) > self.capacity:
            self._encoded.popitem(last=False)
