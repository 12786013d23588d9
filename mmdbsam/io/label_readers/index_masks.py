"""Masks in a plane, given as values or as colours."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry
from mmdbsam.io.label_readers.label_reader import (
    HIGHEST_ID,
    WHITE,
    LabelMap,
    LabelReader,
)
from mmdbsam.io.readers.pictures import (
    GREY,
    STRETCHED,
    SUFFIXES,
    load_picture,
    one_slice,
    opened,
    pixels_of,
)
from mmdbsam.io.readers.reader import without_suffix

# White in 8, 16 and 32 bits.
_WHITE = (*WHITE, 2**31 - 1, 2**32 - 1)
# PIL's modes of grey values, and of colours, that have one more channel.
_WITH_ALPHA = ('LA', 'RGBA')
# Smooth edges of colours have at least as many shades, of at most as many
# colours, which rounding puts this far beside a mixture.
_SHADES, _MOST_PURE, _ROUNDED = 3, 64, 2.
# JPEG may add as much to 0, or take as much from 255.
_LOSS = 40


class MaskReader(LabelReader):
    """Pictures whose values, palette indices or colours are the labels.

    A mask of black and white is the label 1, also if only its palette is black
    and white. White is the highest number of 8, 16 or 32 bits. There may be
    grey pixels between both, as drawing programs smooth edges; they belong to
    what they are nearer to. In RGB, black is background, and every other
    colour is a label that is named after it, such as ``'#ff0000'``; its edges
    may be smooth too. JPEG changes values, so it can only hold one label,
    white on black. An alpha channel must be opaque, as nothing says what
    transparent pixels are.
    """

    def case_name(self, path: Path) -> str | None:
        """See :class:`LabelReader`."""
        return without_suffix(path, SUFFIXES)

    def names(self, path: Path) -> list[str]:
        """See :class:`LabelReader`; reads the pixels where they are colours.
        """
        with opened(path) as image:
            if image.mode not in ('RGB', 'RGBA'):
                return []
        return list(_read(path)[1].values())

    def read(self, path: Path, grid: Geometry, space: str | None = None
             ) -> Iterator[LabelMap]:
        """See :class:`LabelReader`."""
        values, names, may_be_white = _read(path)
        yield LabelMap(one_slice(values), names, may_be_white=may_be_white)


def _read(path: Path) -> tuple[np.ndarray, dict[int, str], bool]:
    """The values (H, W), and the names of those that stand for colours.

    Whether white may stand for the label 1 comes last; the indices of a
    palette are no colours.
    """
    image = load_picture(path)
    if image.mode not in (*GREY, 'P', 'RGB', *_WITH_ALPHA):
        raise InputError(f'{path}: expected a grey, indexed or RGB mask, '
                         f'found {image.mode}')
    values = pixels_of(image)
    if STRETCHED in image.info:
        values = values // image.info[STRETCHED]
    if image.mode in _WITH_ALPHA:
        if values[..., -1].min() < 255:
            raise InputError(f'{path}: expected an opaque mask, found pixels '
                             'that are transparent; save it without an alpha '
                             'channel')
        values = values[..., :-1]
    if values.ndim == 3 and (values == values[..., :1]).all():
        values = values[..., 0]
    if _is_lossy(image):
        return _threshold(values, path), {}, True
    if values.ndim == 3:
        return *_colours(values, path), False
    if image.mode == 'P':
        palette = np.array(image.getpalette('RGB')).reshape(-1, 3)
        if _is_bilevel(palette, values):
            values = palette[values, 0]
        elif not _is_grey(palette):
            return values, {}, False
    if values.max() in _WHITE and _is_binary(values):
        white = min(int(values.max()), HIGHEST_ID)
        values = np.where(values >= values.max() / 2, white, 0)
    return values, {}, True


def _is_grey(palette: np.ndarray) -> bool:
    """Whether each index of a palette (256, 3) is its own grey value."""
    return len(palette) == 256 and bool(
        (palette == np.arange(256)[:, None]).all())


def _is_bilevel(palette: np.ndarray, values: np.ndarray) -> bool:
    """Whether the indices (H, W) say no more than black and white do.

    Which of two indices is white then depends on the program that wrote them.
    Indices of the same colour would be lost.
    """
    colours = set(map(tuple, palette.tolist()))
    used = np.unique(values)
    return (colours == {(0, 0, 0), (255, 255, 255)}
            and used.max() < len(palette)
            and len(np.unique(palette[used, 0])) == len(used))


def _is_binary(values: np.ndarray) -> bool:
    """Whether values (H, W) are black and white, up to smooth edges.

    An edge's pixels lie beside white ones, and are not all the same in any
    block of 3 x 3 pixels, as those of another label would be. What was a JPEG
    once, or was resampled with overshoots, has nearly black ones elsewhere
    too, and then nearly white ones.
    """
    highest = values.max()
    white = values == highest
    grey = (values != 0) & ~white
    if not grey.any():
        return True
    block = np.ones((3, 3))
    regions, _ = ndimage.label(grey, block)
    beside = np.unique(regions[ndimage.binary_dilation(white, block)])
    flat = (ndimage.minimum_filter(values, 3)
            == ndimage.maximum_filter(values, 3))
    if (flat & grey).any():
        return False
    apart = values[grey & ~np.isin(regions, beside)]
    loss = _LOSS * (highest / 255)
    return not apart.size or bool(
        apart.max() <= loss and (values[grey] >= highest - loss).any())


def _is_lossy(image: Image.Image) -> bool:
    return (image.format in ('JPEG', 'MPO')
            or image.info.get('compression') in ('jpeg', 'tiff_jpeg', 'webp'))


def _threshold(values: np.ndarray, path: Path) -> np.ndarray:
    """Turn white on black into 255 on 0."""
    between = (values > _LOSS) & (values < 255 - _LOSS)
    # If all ids are low, thresholding would remove them all.
    dark = 0 < values.max() <= _LOSS
    if values.ndim == 3 or dark or between.any():
        raise InputError(
            f'{path}: expected a JPEG mask to be white on black, found '
            f'{"colours" if values.ndim == 3 else "other values"}; JPEG '
            'changes values, so give the mask as PNG')
    return np.where(values > 127, 255, 0)


def _colours(values: np.ndarray, path: Path
             ) -> tuple[np.ndarray, dict[int, str]]:
    """Number the colours (H, W, 3) of a mask; black is 0."""
    codes = _without_edges(
        values.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32))
    found, indices = np.unique(codes, return_inverse=True)
    if len(found) > HIGHEST_ID:
        raise InputError(f'{path}: expected the colours of labels, found '
                         f'{len(found)} colours')
    # Black is 0, and numbers no label.
    first = 0 if found[0] == 0 else 1
    names = {first + i: f'#{code:06x}' for i, code in enumerate(found) if code}
    return (indices.reshape(codes.shape) + first).astype(np.uint16), names


def _without_edges(codes: np.ndarray) -> np.ndarray:
    """Give the pixels of smooth edges the colour that they are nearer to.

    Colours of labels fill a block of 3 x 3 pixels somewhere. Where all others,
    in several shades, are mixtures of two of these or of one and black, they
    are edges.

    Args:
        codes: The colours as numbers of 24 bits, (H, W).
    """
    flat = (ndimage.minimum_filter(codes, 3)
            == ndimage.maximum_filter(codes, 3))
    pure = np.union1d(codes[flat], 0)
    shades, places = np.unique(codes, return_inverse=True)
    others = ~np.isin(shades, pure)
    # More shades are those of a photograph, which is refused.
    if not _SHADES <= others.sum() <= HIGHEST_ID or len(pure) > _MOST_PURE:
        return codes
    colours, mixed = (np.stack([found >> 16, found >> 8 & 255, found & 255],
                               axis=-1).astype(float)
                      for found in (pure, shades[others]))
    nearest, beside = np.zeros(len(mixed), int), np.full(len(mixed), np.inf)
    for i, j in combinations(range(len(pure)), 2):
        way = colours[j] - colours[i]
        share = ((mixed - colours[i]) @ way / (way @ way)).clip(0, 1)
        off = np.linalg.norm(mixed - colours[i] - share[:, None] * way, axis=1)
        closer = off < beside
        nearest[closer] = np.where(share >= 0.5, j, i)[closer]
        beside = np.minimum(beside, off)
    if beside.max() > _ROUNDED:
        return codes
    shades[others] = pure[nearest]
    return shades[places].reshape(codes.shape)
