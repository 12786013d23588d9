"""Weights of which only the trained part is stored."""

import hashlib
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmengine.config import Config
from safetensors.torch import load_file, save_file

from mmdbsam.apis import PromptInferencer
from mmdbsam.apis.model_zoo import own_weights
from mmdbsam.engine.config import find_config
from mmdbsam.engine.runner import ModelFirstRunner
from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS
from mmdbsam.weights import trained
from mmdbsam.weights.loading import load_weights
from mmdbsam.weights.released import RELEASED_WEIGHTS, WeightsAtUrl
from mmdbsam.weights.trained import (
    TRAINED_WEIGHTS,
    trained_file,
    write_trained,
)


@pytest.fixture
def parts(tiny_cfg, tmp_path, monkeypatch):
    """A trained model, its trained part, and what it started from."""
    plain = Config(tiny_cfg.to_dict())
    plain.model.image_encoder.update(adapter=None, stem=None, neck=None,
                                     fusion=None)
    torch.manual_seed(0)
    start = MODELS.build(plain.model).state_dict()
    torch.save(start, tmp_path / 'plain.pth')
    digest = hashlib.sha256((tmp_path / 'plain.pth').read_bytes()).hexdigest()
    monkeypatch.setitem(RELEASED_WEIGHTS, 'plain', WeightsAtUrl(
        'plain.pth', digest, 'Plain', 1, 'MIT'))
    tiny_cfg.model.pretrained = str(tmp_path / 'plain.pth')
    model = MODELS.build(tiny_cfg.model)
    model.init_weights()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter))
    file = tmp_path / 'trained.safetensors'
    write_trained(model, file)
    return SimpleNamespace(cfg=tiny_cfg, model=model, file=file,
                           weights=_copy(load_file(file)))


def _copy(weights):
    """A file that is mapped into memory must not be written to."""
    return {name: value.clone() for name, value in weights.items()}


def other_model(parts):
    torch.manual_seed(1)
    return MODELS.build(parts.cfg.model)


def test_a_model_is_what_it_started_from_and_what_was_trained(parts):
    model = other_model(parts)
    load_weights(model, str(parts.file))
    found = model.state_dict()
    for name, value in parts.model.state_dict().items():
        if name in parts.weights and value.is_floating_point():
            value = value.half().float()
        assert torch.equal(found[name], value), name
    # The rounded values would differ, had they been stored too.
    assert 'mask_head.iou_prediction_head.layers.0.weight' in (
        set(found) - set(parts.weights))


def test_a_training_can_go_on_from_it(parts):
    model = other_model(parts)
    ModelFirstRunner.load_checkpoint(SimpleNamespace(model=model),
                                     str(parts.file))
    name = 'mask_head.mask_tokens.weight'
    assert torch.equal(model.state_dict()[name], parts.weights[name].float())


@pytest.mark.parametrize('change, message', [
    (lambda weights: weights.pop('image_encoder.fusion.gate_scale'),
     'another architecture than the config: without image_encoder.fusion'),
    (lambda weights: weights.update(other=torch.zeros(1)),
     'another architecture than the config: with unknown other'),
])
def test_every_weight_is_needed_and_used(parts, change, message):
    change(parts.weights)
    save_file(parts.weights, parts.file, metadata=dict(base='plain'))
    with pytest.raises(InputError, match=message):
        load_weights(other_model(parts), str(parts.file))


def test_what_is_no_trained_part_is_refused_in_one_line(parts):
    path = str(parts.file)
    content = parts.file.read_bytes()
    for wrong in (content[:-1], b'', b'hello'):
        parts.file.write_bytes(wrong)
        with pytest.raises(InputError, match='trained.safetensors: expected a '
                           'file of safetensors') as error:
            load_weights(other_model(parts), path)
        assert '\n' not in str(error.value)
    for metadata in (None, dict(base='nothing')):
        save_file(parts.weights, path, metadata=metadata)
        with pytest.raises(InputError, match='expected metadata whose base'):
            load_weights(other_model(parts), path)
    save_file(parts.weights, path, metadata=dict(base='sam_vit_b'))
    with pytest.raises(InputError, match='expected a config that starts from '
                       r'sam_vit_b \(model.pretrained\), found .*plain.pth'):
        load_weights(other_model(parts), path)


def test_only_a_model_on_released_weights_can_be_stored(parts, tmp_path):
    with pytest.raises(InputError, match='ends with .safetensors'):
        write_trained(parts.model, tmp_path / 'a.pth')
    parts.model.pretrained = 'mine.pth'
    with pytest.raises(InputError, match='model.pretrained: expected released '
                       'weights, .*found mine.pth'):
        write_trained(parts.model, tmp_path / 'a.safetensors')


@pytest.mark.parametrize('name', TRAINED_WEIGHTS)
def test_own_weights_are_what_their_configs_train(name):
    weights = load_file(trained_file(name))
    assert trained_file(name).stat().st_size < 15e6
    assert trained_file(name).with_suffix('.md').exists()
    assert all(value.dtype == torch.float16 and value.isfinite().all()
               for value in weights.values())
    for config in TRAINED_WEIGHTS[name].configs:
        model = MODELS.build(Config.fromfile(find_config(config)).model)
        assert {key: value.shape for key, value in weights.items()} == {
            key: parameter.shape
            for key, parameter in model.named_parameters()
            if parameter.requires_grad}


def test_own_weights_that_were_changed_are_refused(tmp_path, monkeypatch):
    name = 'dbsam_tinyvit_ct'
    copy = tmp_path / trained_file(name).name
    copy.write_bytes(trained_file(name).read_bytes()[:-1] + b'x')
    monkeypatch.setattr(trained, 'trained_file', lambda name: copy)
    with pytest.raises(InputError, match='expected the weights of mmdbsam, '
                       'sha256 .*, found .*install mmdbsam again'):
        trained.read_trained(copy)


def test_configs_of_the_zoo_have_own_weights(repo_root, tmp_path):
    """A config that a user has changed or copied has none."""
    path = repo_root / 'configs/dbsam_tinyvit_ct.py'
    assert own_weights('dbsam_tinyvit_ct') == 'dbsam_tinyvit_ct'
    assert own_weights('dbsam_tinyvit_patients_ct') == 'dbsam_tinyvit_ct'
    assert own_weights(str(path)) == own_weights(path) == 'dbsam_tinyvit_ct'
    assert own_weights('dbsam_vitb_ct') is None
    assert own_weights(Config.fromfile(path)) is None
    assert own_weights(tmp_path / 'dbsam_tinyvit_ct.py') is None


def test_they_are_better_than_what_they_started_from(
        repo_root, lite_medsam, tmp_path, monkeypatch):
    """On a slice of a patient that was not trained on."""
    folder = repo_root / '../shared/data/patients/totalseg_ct'
    if not folder.is_dir():
        pytest.skip(f'{folder}: no such folder')
    scan, labels = (sitk.ReadImage(str(folder / kind / 'abdomen.nii.gz'))
                    [:, :, 10:11] for kind in ('images', 'labels'))
    labels = sitk.GetArrayFromImage(labels)[0]
    masks = [labels == i for i in np.unique(labels)[1:]
             if (labels == i).sum() > 60]
    boxes = [[*np.argwhere(mask).min(0)[::-1], *np.argwhere(mask).max(0)[::-1]]
             for mask in masks]
    (tmp_path / 'checkpoints').mkdir()
    (tmp_path / 'checkpoints' / lite_medsam.name).symlink_to(lite_medsam)
    monkeypatch.chdir(tmp_path)
    said = []
    monkeypatch.setattr('mmdbsam.weights.loading.print_log',
                        lambda line, logger: said.append(line))
    scores = {}
    for config in ('dbsam_tinyvit_ct', 'lite_medsam_zero_shot_ct'):
        found = PromptInferencer(config, device='cpu').set_image(scan).segment(
            boxes=boxes).masks
        scores[config] = np.mean([
            2 * (one & mask).sum() / (one.sum() + mask.sum())
            for one, mask in zip(found, masks, strict=True)])
    assert said[0].startswith('weights: dbsam_tinyvit_ct, which comes with '
                              'mmdbsam')
    assert len(masks) > 12
    assert scores['dbsam_tinyvit_ct'] > 0.8
    assert (scores['dbsam_tinyvit_ct']
            > scores['lite_medsam_zero_shot_ct'] + 0.2)
