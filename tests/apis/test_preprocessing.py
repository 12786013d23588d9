"""Images are prepared as the training data were."""

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from mmdbsam.apis.preprocessing import Preprocessor
from mmdbsam.apis.scans import load_scan
from mmdbsam.io.windowing import IDENTITY, WINDOWS, PercentileWindow, Window

GREY = np.linspace(-900, 900, 600).reshape(6, 10, 10).astype(np.float32)
FITTED = PercentileWindow().fit(GREY)
LUNG = WINDOWS['lung']


def windows(cfg, values=GREY, window=None):
    preprocess = Preprocessor(cfg, nn.Identity())
    return preprocess.windows_of(load_scan(values), window)


@pytest.mark.parametrize('keys, window, wanted', [
    (dict(modality='CT'), None, [Window(40, 400)]),
    (dict(modality='MR'), None, [FITTED]),
    (dict(modality=None), None, [FITTED]),
    (dict(modality='CT', window='lung'), None, [LUNG]),
    (dict(modality='CT', window='lung'), (30, 60), [Window(30, 60)]),
    (dict(modality='CT'), 'percentiles', [FITTED]),
    (dict(modality='CT', window=['lung', (30, 60), 'percentiles']), None,
     [LUNG, Window(30, 60), FITTED]),
])
def test_windows_follow_the_config(tiny_cfg, keys, window, wanted):
    tiny_cfg.update(keys)
    assert windows(tiny_cfg, window=window) == wanted


def test_eight_bits_stay(tiny_cfg):
    assert windows(tiny_cfg, GREY.astype(np.uint8)) == [IDENTITY]


def test_files_say_what_they_show(tiny_cfg, repo_root):
    """The files say the modality where the config does not."""
    tiny_cfg.modality = None
    scan = load_scan(Path(repo_root, 'tests/data/ct_spine/images',
                          'lumbar.nii.gz'))
    preprocess = Preprocessor(tiny_cfg, nn.Identity())
    assert preprocess.windows_of(scan) == [Window(40, 400)]
