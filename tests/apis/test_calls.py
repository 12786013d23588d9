"""OpenMMLab's calls: models by name, and inferencers that are called."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from letter_volumes import EachSlice, as_image, box_of, letter
from PIL import Image

from mmdbsam.apis import (
    PromptInferencer,
    get_model,
    inference_model,
    init_model,
    list_models,
)
from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import differences, geometry_of

TINY = 'tests/data/dbsam_tiny_spine.py'


def flat_letter():
    """A slice with the letter, uint8 (H, W), and its box."""
    pixels = 255 * letter().any(axis=0).astype(np.uint8)
    rows, columns = np.nonzero(pixels)
    return pixels, [columns.min(), rows.min(), columns.max(), rows.max()]


def test_the_zoo_is_listed():
    names = list_models()
    assert names == sorted(set(names)) and names == (
        PromptInferencer.list_models())
    assert 'dbsam_tinyvit_ct' in names
    assert not any('study' in name or name.startswith('components')
                   for name in names)
    assert list_models('dbsam_tinyvit*') == [
        name for name in names if name.startswith('dbsam_tinyvit')]


def test_a_model_is_built_with_or_without_weights(repo_root, tiny_checkpoint):
    config = repo_root / TINY
    torch.manual_seed(1)
    random = get_model(config)
    assert random.training and random.cfg.filename == str(config)
    trained = get_model(config, tiny_checkpoint)
    wanted = torch.load(tiny_checkpoint, weights_only=True)['state_dict']
    for name, weight in trained.state_dict().items():
        assert torch.equal(weight, wanted[name])
    assert any(not torch.equal(weight, wanted[name])
               for name, weight in random.state_dict().items())
    with pytest.raises(InputError, match='pretrained: expected weights in '):
        get_model(config, pretrained=True)


def test_options_change_the_config_of_one_model(tiny_cfg, tiny_checkpoint):
    model = init_model(tiny_cfg, tiny_checkpoint, 'cpu',
                       dict(modality='MR'))
    assert not model.training
    assert model.cfg.modality == 'MR' != tiny_cfg.modality
    with pytest.raises(InputError, match='cfg_options modalty: expected '):
        init_model(tiny_cfg, tiny_checkpoint, 'cpu', dict(modalty='MR'))


def test_one_call_gives_what_the_inferencer_gives(repo_root, tiny_checkpoint,
                                                  inferencer):
    image, box = flat_letter()
    model = init_model(repo_root / TINY, tiny_checkpoint, 'cpu')
    found = inference_model(model, image, boxes=[box])
    wanted = inferencer.set_image(image).segment(boxes=[box])
    assert np.array_equal(found.logits, wanted.logits)
    with pytest.raises(InputError, match='device: expected none with a model'):
        PromptInferencer(model, device='cpu:0')


def test_a_call_is_set_image_and_segment(inferencer):
    image, box = flat_letter()
    wanted = inferencer.set_image(image).segment(boxes=[box])
    found = inferencer(image, boxes=[box])
    assert np.array_equal(found.logits, wanted.logits)
    several = inferencer([image, image.T], boxes=[[box], [box[1::-1]
                                                         + box[:1:-1]]])
    assert np.array_equal(several[0].logits, wanted.logits)
    assert several[1].masks.shape == (1, *image.T.shape)
    sample = inferencer(image, boxes=[box], return_datasamples=True)
    assert np.array_equal(sample.pred_instances.masks.numpy(), wanted.masks)
    assert sample.prompts.boxes.tolist() == [box]


def test_a_call_writes_labels_on_the_images_grid(bright, tmp_path):
    volume = as_image(letter())
    sitk.WriteImage(volume, str(tmp_path / 'scan.nrrd'))
    pixels, box = flat_letter()
    Image.fromarray(pixels).save(tmp_path / 'slice.png')
    out = tmp_path / 'out'
    found = bright(tmp_path / 'scan.nrrd', out_dir=out,
                   prompts={'letter': EachSlice(box_of(letter()))})
    written = sitk.ReadImage(str(out / 'scan.seg.nrrd'))
    assert np.array_equal(sitk.GetArrayFromImage(written), found.labels)
    assert not differences(geometry_of(volume), geometry_of(written), 1e-6)
    flat = bright(str(tmp_path / 'slice.png'), boxes=[box], out_dir=out)
    labels = np.array(Image.open(out / 'slice.png'))
    assert labels.any()
    assert np.array_equal(labels == 1, flat.masks[0])
    for name in ('scan', 'slice'):
        with Image.open(out / 'vis' / f'{name}.png') as picture:
            assert min(picture.size) > 400
    assert sorted(path.name for path in out.rglob('*') if path.is_file()) == [
        'scan.png', 'scan.seg.nrrd', 'slice.png', 'slice.png']


def test_the_picture_is_shown_if_asked(bright, monkeypatch):
    shown = []
    monkeypatch.setattr(Image.Image, 'show',
                        lambda picture, title: shown.append(title))
    image, box = flat_letter()
    bright(image, boxes=[box], show=True)
    assert shown == ['image_0']


@pytest.mark.parametrize('inputs, given, message', [
    (['a.png'], dict(), 'prompts: expected prompts of a volume, or boxes'),
    ('a.png', dict(boxes=[[0, 0, 1, 1]], prompts={}), 'found boxes, prompts'),
    (['a.png', 'b.png'], dict(boxes=[[[0, 0, 1, 1]]]),
     'boxes: expected one entry for each of 2 inputs, found 1'),
    (['a/x.png', 'b/x.nii'], dict(boxes=[[[0, 0, 1, 1]]] * 2),
     "inputs: expected images of different names, found 'x' twice"),
])
def test_calls_that_cannot_be_met(inferencer, inputs, given, message):
    with pytest.raises(InputError, match=message):
        inferencer(inputs, **given)


def test_a_volume_has_no_data_sample(bright):
    with pytest.raises(InputError, match='return_datasamples: expected '):
        bright(letter(), prompts=EachSlice(box_of(letter())),
               return_datasamples=True)
