"""Segmentations as 3D Slicer writes them."""

import numpy as np
import SimpleITK as sitk
from synthetic import volume


def segmentation(layers, values, names, offset=(0, 0, 0)):
    """An image of 3 Slicer's keys, of layers (L, D, H, W)."""
    images = [volume(layer.astype(np.uint8), origin=offset)
              for layer in layers]
    image = images[0] if len(images) == 1 else sitk.Compose(images)
    for i, ((layer, value), name) in enumerate(zip(values, names,
                                                   strict=True)):
        for key, said in (('ID', f'Segment_{i}'), ('Name', name),
                          ('LabelValue', value), ('Layer', layer)):
            image.SetMetaData(f'Segment{i}_{key}', str(said))
    return image
