"""The numpy preprocessing does what the pipeline and torch do."""

import json

import numpy as np
import pytest
import torch

from mmdbsam.apis.preprocessing import Preprocessor
from mmdbsam.deployment import Preprocessing
from mmdbsam.deployment.onnx_export import preprocessing_of
from mmdbsam.errors import InputError
from mmdbsam.geometry.resizing import longest_side_shape
from mmdbsam.models.segmentors import logits_on_image
from mmdbsam.registry import MODELS

SCALES = {
    'mean_std': dict(type='SAMDataPreProcessor', size=128),
    'min_max': dict(type='MinMaxDataPreProcessor', size=128)}


@pytest.fixture(params=SCALES)
def described(request, tiny_cfg):
    """The preprocessing of a config, as torch does it and as described."""
    tiny_cfg.model.data_preprocessor = SCALES[request.param]
    model = MODELS.build(tiny_cfg.model)
    found, provenance = Preprocessing.from_json(
        preprocessing_of(tiny_cfg, model).to_json(config='tiny'), 'here')
    assert found.normalisation == request.param
    assert provenance == dict(config='tiny')
    return Preprocessor(tiny_cfg, model.data_preprocessor), found


@pytest.mark.parametrize('shape', [(300, 211), (50, 77, 3), (128, 128),
                                   (1, 400), (129, 127, 3)])
def test_input_is_the_same_to_the_bit(described, shape):
    wanted, found = described
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    inputs, resized = wanted([image])
    np.testing.assert_array_equal(found(image), inputs[0].numpy())
    assert longest_side_shape(shape[:2], 128) == resized


def test_a_constant_image_is_zero(described):
    wanted, found = described
    image = np.full((20, 30), 7, np.uint8)
    np.testing.assert_array_equal(found(image), wanted([image])[0][0].numpy())


@pytest.mark.parametrize('shape', [(300, 211), (50, 77), (64, 64), (2, 90)])
def test_masks_are_those_of_torch(shape):
    logits = torch.nn.functional.interpolate(
        torch.randn(4, 1, 9, 9, generator=torch.Generator().manual_seed(0)),
        (32, 32), mode='bicubic').view(2, 2, 32, 32)
    resized = longest_side_shape(shape, 128)
    wanted = logits_on_image(logits, 128, resized, shape)
    found = Preprocessing(128, 'min_max', None, None).masks(
        logits.numpy(), resized, shape)
    wanted = wanted.numpy()
    assert found.shape == wanted.shape == (2, 2, *shape)
    # They may differ only where the logit is zero but for rounding.
    assert ((found == (wanted > 0)) | (np.abs(wanted) < 1e-5)).all()


@pytest.mark.parametrize('modality, window, wanted', [
    ('CT', None, [dict(level=40, width=400)]),
    ('CT', 'lung', [dict(level=-600, width=1500)]),
    ('MR', None, [dict(lower=0.5, upper=99.5)]),
    (None, None, []),
    ('CT', ['lung', 'bone', [1., 2.]],
     [dict(level=-600, width=1500), dict(level=400, width=1800),
      dict(level=1, width=2)])])
def test_says_how_intensities_become_8_bits(tiny_cfg, modality, window,
                                            wanted):
    tiny_cfg.update(modality=modality, window=window)
    text = preprocessing_of(tiny_cfg, MODELS.build(tiny_cfg.model)).to_json()
    found = json.loads(text)
    assert found['modality'] == modality and found['window'] == wanted
    assert found['windows_8_bits'] is (window is not None)


def test_refuses_what_it_cannot_describe(tiny_cfg):
    model = MODELS.build(tiny_cfg.model)
    steps = tiny_cfg.test_dataloader.dataset.pipeline
    steps.insert(1, dict(type='RandomWindow'))
    with pytest.raises(InputError, match='pipeline: expected .*RandomWindow'):
        preprocessing_of(tiny_cfg, model)
    del steps[1]
    model.data_preprocessor = torch.nn.Identity()
    with pytest.raises(InputError, match='data_preprocessor: .*Identity'):
        preprocessing_of(tiny_cfg, model)


@pytest.mark.parametrize('change, message', [
    (dict(normalisation='other'), 'metadata: .* found other'),
    (dict(padding='centre'), 'metadata: .* found min_max and centre'),
    (dict(image_size='x'), 'image_size: expected a whole number, found .x'),
    (dict(image_size=0), 'image_size: expected a side'),
    (dict(normalisation='mean_std', mean=[0, 0, 0], std=[1, 0, 1]),
     'std > 0'),
    (dict(mean=[1]), 'mean: expected')])
def test_refuses_unknown_rules(change, message):
    text = json.loads(Preprocessing(128, 'min_max', None, None).to_json())
    with pytest.raises(InputError, match=message):
        Preprocessing.from_json(json.dumps({**text, **change}), 'here')
    del text['padding']
    with pytest.raises(InputError, match="expected the key 'padding'"):
        Preprocessing.from_json(json.dumps(text), 'here')
