"""Points, rough masks and scribbles, as a person would draw them.

Each function takes the mask of an object, bool (H, W) and not empty, and a
random generator, which is the only source of chance.
"""

import cv2
import numpy as np

from mmdbsam.geometry.boxes import bounding_box

# A stroke that would leave the object turns by up to these angles, in degrees.
_TURNS = np.radians([0, 20, -20, 40, -40, 60, -60])
_STEP = 1.
_STROKE_WIDTH = 3


def draw_point(mask: np.ndarray, rng: np.random.Generator
               ) -> tuple[int, int]:
    """Draw a pixel of an object, in proportion to its depth.

    Returns:
        tuple[int, int]: Its x and y.
    """
    where = _crop(mask)
    depth = _depth(mask[where]).ravel().astype(float)
    place = rng.choice(depth.size, p=depth / depth.sum())
    y, x = divmod(int(place), where[1].stop - where[1].start)
    return where[1].start + x, where[0].start + y


def draw_rough_mask(mask: np.ndarray, rng: np.random.Generator
                    ) -> np.ndarray:
    """Draw the mask of an object as a hurried hand or a poor model would.

    The object is eroded, dilated, shifted or cut, each as often. How far is
    drawn in proportion to its size. Erosions and cuts take up to half of its
    area, it grows by up to a quarter of the radius of a disc of that area, and
    it moves along each axis by less than its depth.

    Returns:
        np.ndarray: The mask, bool (H, W), which is not empty and meets the
        object.
    """
    change = (_eroded, _dilated, _shifted, _cut)[rng.integers(4)]
    rough = change(mask, rng)
    # An object that is thinner than a shift would be missed.
    return rough if (rough & mask).any() else mask.copy()


def draw_scribble(mask: np.ndarray, rng: np.random.Generator
                  ) -> tuple[np.ndarray, np.ndarray]:
    """Draw a smooth stroke within an object.

    The stroke starts at a point as :func:`draw_point` draws it and goes on
    both ways. Its direction drifts at random, and turns away where it would
    leave the object.

    Returns:
        tuple: The path, int64 (L, 2), as x and y of neighbouring pixels in
        their order, and the stroke, a few pixels wide where the object is,
        bool (H, W).
    """
    start = np.array(draw_point(mask, rng), float)
    length = rng.uniform(0.5, 1.5) * np.sqrt(mask.sum())
    angle = rng.uniform(0, 2 * np.pi)
    there, back = (_walk(mask, start, way, length / 2, rng)
                   for way in (angle, angle + np.pi))
    path = np.round([*back[::-1], start, *there]).astype(int)
    path = path[np.r_[True, (np.diff(path, axis=0) != 0).any(axis=1)]]
    line = np.zeros(mask.shape, np.uint8)
    line[path[:, 1], path[:, 0]] = 1
    wide = cv2.dilate(line, np.ones((_STROKE_WIDTH, _STROKE_WIDTH)))
    return path, wide.astype(bool) & mask


def _walk(mask: np.ndarray, start: np.ndarray, angle: float, length: float,
          rng: np.random.Generator) -> list[np.ndarray]:
    """Take steps within the object until the length or a dead end."""
    height, width = mask.shape
    steps, place = [], start
    for _ in range(int(length / _STEP)):
        angle += rng.normal(0, 0.15)
        for turn in _TURNS:
            next_place = place + _STEP * np.array([np.cos(angle + turn),
                                                   np.sin(angle + turn)])
            x, y = np.round(next_place).astype(int)
            if 0 <= x < width and 0 <= y < height and mask[y, x]:
                break
        else:
            break
        angle, place = angle + turn, next_place
        steps.append(place)
    return steps


def _crop(mask: np.ndarray, margin: int = 0) -> tuple[slice, ...]:
    """The object's bounding box with a margin, within the image."""
    return tuple(slice(max(0, part.start - margin),
                       min(size, part.stop + margin))
                 for part, size in zip(bounding_box(mask), mask.shape,
                                       strict=True))


def _depth(mask: np.ndarray) -> np.ndarray:
    """The distance of each pixel to the nearest one outside, float (H, W)."""
    padded = np.pad(mask.astype(np.uint8), 1)
    return cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]


def _eroded(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    where = _crop(mask)
    depth = _depth(mask[where])
    least = np.quantile(depth[mask[where]], rng.uniform(0, 0.5))
    rough = np.zeros_like(mask)
    rough[where] = mask[where] & (depth >= least)
    return rough


def _dilated(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    radius = np.sqrt(mask.sum() / np.pi)
    reach = rng.uniform(1, max(2., 0.25 * radius))
    where = _crop(mask, int(reach) + 1)
    outside = (~mask[where]).astype(np.uint8)
    rough = np.zeros_like(mask)
    rough[where] = cv2.distanceTransform(outside, cv2.DIST_L2, 3) <= reach
    return rough


def _shifted(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    dy, dx = rng.uniform(-0.7, 0.7, 2) * _depth(mask[_crop(mask)]).max()
    matrix = np.float32([[1, 0, round(dx)], [0, 1, round(dy)]])
    return cv2.warpAffine(mask.astype(np.uint8), matrix, mask.shape[::-1],
                          flags=cv2.INTER_NEAREST).astype(bool)


def _cut(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Keep what lies on one side of a random line."""
    pixels = np.argwhere(mask)
    angle = rng.uniform(0, 2 * np.pi)
    along = pixels @ [np.sin(angle), np.cos(angle)]
    kept = pixels[along >= np.quantile(along, rng.uniform(0, 0.5))]
    rough = np.zeros_like(mask)
    rough[tuple(kept.T)] = True
    return rough
