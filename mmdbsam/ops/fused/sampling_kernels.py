"""The kernel that turns projected queries into samples of MSDA."""

import numba
import numpy as np

from mmdbsam.ops.fused.functions import exp
from mmdbsam.ops.fused.products import COMPILED

# The queries in a unit of work.
QUERIES = 256


@numba.njit(**COMPILED)
def samples(first, last, queries_of_image, heads, points, sizes, references,
            offsets, logits, locations, weights):
    """Units are blocks of ``QUERIES`` queries of all images.

    ``sizes`` holds (w, h) of each level; see :mod:`mmdbsam.ops.fused`.
    """
    levels = len(sizes)
    count = levels * points
    queries = logits.size // (heads * count)
    for query in range(first * QUERIES, min(last * QUERIES, queries)):
        x = references[query % queries_of_image, 0]
        y = references[query % queries_of_image, 1]
        for head in range(heads):
            at = (query * heads + head) * count
            highest = logits[at]
            for i in range(count):
                highest = max(highest, logits[at + i])
            total = np.float32(0.)
            for i in range(count):
                weights[at + i] = exp(logits[at + i] - highest)
                total += weights[at + i]
            for i in range(count):
                weights[at + i] /= total
                place = 2 * (at + i)
                level = i // points
                locations[place] = x + offsets[place] / sizes[level, 0]
                locations[place + 1] = y + offsets[place + 1] / sizes[level, 1]
