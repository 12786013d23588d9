"""Prepared data sets from arrays, without scans."""

import json

import numpy as np


def write_set(root, layers, names, modality='CT', splits=None, image=None):
    """Write a data set of one case.

    Args:
        root: The folder.
        layers: Label ids (L, D, H, W).
        names: The labels' names by id.
        modality: The case's modality.
        splits: The ranges of slices by split; by default, all train.
        image: The scan, uint8 (D, H, W); by default, 10 times the slice.
    """
    layers = np.asarray(layers, np.uint8)
    depth, *size = layers.shape[1:]
    case = root / 'case'
    case.mkdir(parents=True)
    if image is None:
        image = np.broadcast_to(10 * np.arange(depth)[:, None, None],
                                layers.shape[1:]).astype(np.uint8)
    np.save(case / 'image.npy', image)
    np.save(case / 'label.npy', layers)
    own = [i for i in names if (layers == i).any()]
    areas = np.stack([(layers == i).any(axis=0).sum(axis=(1, 2))
                      for i in own], axis=1) if own else np.zeros((depth, 0))
    np.save(case / 'areas.npy', areas.astype(np.int32))
    geometry = dict(size=[*size[::-1], depth], spacing=[1., 1., 1.],
                    origin=[0., 0., 0.],
                    direction=[1., 0., 0., 0., 1., 0., 0., 0., 1.])
    (root / 'dataset.json').write_text(json.dumps(dict(
        format=2, name=root.name, labels=names, cases=[dict(
            name='case', shape=list(layers.shape[1:]), geometry=geometry,
            source=dict(geometry=geometry, orientation='LPS'), labels=own,
            dropped={}, modality=modality,
            splits=splits or dict(train=[[0, depth]]))])))
    return root
