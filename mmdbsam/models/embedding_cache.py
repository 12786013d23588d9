"""Image embeddings kept on disk from one run to the next."""

import hashlib
import io
import os
from contextlib import suppress
from pathlib import Path
from typing import List, Optional, Tuple

import torch
from torch import Tensor, nn

from mmdbsam.errors import InputError
from mmdbsam.io.atomic import staged_file, writing
from mmdbsam.weights.integrity import is_stored, verify_archive


class EmbeddingCache:
    """Encode an image only if the same encoder has not seen it before.

    An embedding is found by a digest of the encoder's weights and type, of
    the preprocessed image, and of the precision. If any of them changes, the
    image is encoded again. Several processes may share a folder.

    Args:
        folder: The folder of the embeddings, with one file for each. It is
            made if it does not exist.
        max_megabytes: The total size of the files, in megabytes. When they
            exceed it, those that have not been used for the longest time are
            deleted.

    Raises:
        InputError: If ``max_megabytes`` is not positive.
    """

    def __init__(self, folder: str, max_megabytes: float = 4000.) -> None:
        if max_megabytes <= 0:
            raise InputError('embedding_cache.max_megabytes: expected a '
                             f'positive number, found {max_megabytes}')
        self.folder = Path(folder)
        self.max_bytes = int(max_megabytes * 1e6)
        self._digest: Tuple[tuple, str] = ((), '')

    @torch.no_grad()
    def encode(self, encoder: nn.Module, images: Tensor) -> Tensor:
        """Read the embeddings of images from the disk, or compute them.

        Args:
            encoder: The image encoder, in evaluation mode. It maps ``images``
                to embeddings (B, C, h, w).
            images: The preprocessed images, (B, 3, S, S).

        Returns:
            Tensor: The embeddings, (B, C, h, w).

        Raises:
            InputError: If a file is damaged or holds something else.
        """
        paths = [self.folder / f'{self._key(encoder, image)}.pt'
                 for image in images]
        found: List[Optional[Tensor]] = [self._load(path, images.device)
                                         for path in paths]
        missing = [i for i, one in enumerate(found) if one is None]
        if missing:
            for i, one in zip(missing, encoder(images[missing]), strict=True):
                found[i] = one
                self._store(one, paths[i])
            self._delete_oldest()
        shape = tuple(found[0].shape)
        if side := getattr(encoder, 'out_size', None):
            shape = shape[0], side, side
        for one, path in zip(found, paths, strict=True):
            if one.shape != shape:
                raise InputError(
                    f'{path}: expected an embedding of the shape {shape}, '
                    f'found {tuple(one.shape)}; delete it')
        return torch.stack(found)

    def _key(self, encoder: nn.Module, image: Tensor) -> str:
        kind = image.device.type
        precision = (torch.get_autocast_dtype(kind)
                     if torch.is_autocast_enabled(kind) else image.dtype)
        digest = hashlib.sha256(self._weights_digest(encoder).encode())
        digest.update(f'{tuple(image.shape)} {image.dtype} {precision} '
                      f'{kind}'.encode())
        digest.update(_bytes(image))
        return digest.hexdigest()

    def _weights_digest(self, encoder: nn.Module) -> str:
        """The digest of the weights, and of the encoder's printed form.

        It is computed anew when a weight was changed in place or moved.
        """
        state = encoder.state_dict()
        version = tuple((tensor.data_ptr(), tensor._version)
                        for tensor in state.values())
        if self._digest[0] != version:
            digest = hashlib.sha256(str(encoder).encode())
            for name, tensor in state.items():
                digest.update(f'{name} {tensor.dtype}'.encode())
                digest.update(_bytes(tensor))
            self._digest = version, digest.hexdigest()
        return self._digest[1]

    def _load(self, path: Path, device: torch.device) -> Optional[Tensor]:
        try:
            if path.is_file():
                verify_archive(path)
            embedding = torch.load(path, map_location=device,
                                   weights_only=True)
            # Those of another user are deleted by that user.
            with suppress(OSError):
                os.utime(path)
        except FileNotFoundError:  # never stored, or deleted by now
            return None
        except Exception as error:  # torch raises errors of many types
            raise InputError(f'{path}: expected an embedding, found a damaged '
                             'file; delete it') from error
        if not (isinstance(embedding, Tensor) and embedding.ndim == 3
                and is_stored(embedding) and embedding.is_floating_point()
                and torch.isfinite(embedding).all()):
            raise InputError(f'{path}: expected an embedding (C, h, w) of '
                             'finite numbers, found something else; delete it')
        return embedding

    def _store(self, embedding: Tensor, path: Path) -> None:
        content = io.BytesIO()
        torch.save(embedding.clone(), content)
        with writing(path, self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with staged_file(path) as partial:
            partial.write_bytes(content.getbuffer())

    def _delete_oldest(self) -> None:
        files = []
        for path in self.folder.glob('*.pt'):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            files.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self.max_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size


def _bytes(tensor: Tensor) -> memoryview:
    """The bytes of the values, in the order of their indices."""
    flat = tensor.detach().contiguous().cpu().flatten()
    return memoryview(flat.view(torch.uint8).numpy())
