"""Reading checkpoints, and refusing other files."""

import pytest
import torch
from torch import nn

from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS
from mmdbsam.weights.loading import (
    _FORMER_BIAS,
    load_pretrained,
    load_weights,
)


def write(path, kind, model):
    state_dict = model.state_dict()
    if kind == 'truncated':
        torch.save(state_dict, path)
        path.write_bytes(path.read_bytes()[:5000])
    elif kind == 'text':
        path.write_text('hello\nworld')
    elif kind == 'empty':
        path.touch()
    elif kind == 'code':
        torch.save(nn.Linear(1, 1), path)
    elif kind == 'list':
        torch.save([torch.zeros(1)], path)
    else:
        torch.save({'a': 1}, path)


@pytest.mark.parametrize('kind', ['truncated', 'text', 'empty', 'code',
                                  'list', 'numbers'])
def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path, kind):
    model = nn.Linear(100, 100)
    path = tmp_path / 'weights.pth'
    write(path, kind, model)
    with pytest.raises(InputError, match='weights.pth: expected') as caught:
        load_weights(model, str(path))
    assert '\n' not in str(caught.value)


def test_a_released_name_promises_the_released_weights(tmp_path):
    """Weights that were altered would load without any complaint."""
    model = nn.Linear(1, 1)
    path = tmp_path / 'lite_medsam.pth'
    with pytest.raises(InputError, match='no such file; run mmdbsam fetch '
                       'lite_medsam'):
        load_weights(model, str(path))
    torch.save(model.state_dict(), path)
    with pytest.raises(InputError, match='lite_medsam.pth: expected the '
                       'released .* sha256 79d8c9.*, found'):
        load_weights(model, str(path))


def test_all_weights_are_loaded_or_none_is_accepted(tiny_cfg, tmp_path):
    model = MODELS.build(tiny_cfg.model)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'w.pth')
    other = MODELS.build(tiny_cfg.model)
    load_weights(other, str(tmp_path / 'w.pth'))
    for name, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)


@pytest.mark.parametrize('wrap', [
    lambda weights: weights, lambda weights: dict(state_dict=weights),
    lambda weights: dict(model=weights, epoch=3),
    lambda weights: dict(net=weights), lambda weights: dict(
        model_state_dict=weights, loss=torch.zeros(1), optimizer=dict(
            state={0: dict(step=torch.ones(1))}, param_groups=[dict(lr=1)])),
    lambda weights: dict(checkpoint=dict(weights=weights, step=1)),
    *(lambda weights, prefix=prefix: {
        prefix + key: one for key, one in weights.items()}
      for prefix in ('module.', 'model.', '_orig_mod.',
                     'module._orig_mod.')),
    lambda weights: dict(model={f'module.{key}': one
                                for key, one in weights.items()})])
def test_the_one_state_dict_of_a_checkpoint(tmp_path, wrap):
    """Trainers call it what they like."""
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    torch.save(wrap(model.state_dict()), tmp_path / 'w.pth')
    load_weights(other, str(tmp_path / 'w.pth'))
    assert torch.equal(other.weight, model.weight)


def test_a_checkpoint_says_which_entry_is_taken(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr('mmdbsam.weights.loading.print_log',
                        lambda line, **_: said.append(line))
    model = nn.Linear(3, 2)
    torch.save(dict(model=model.state_dict()), tmp_path / 'w.pth')
    load_weights(model, str(tmp_path / 'w.pth'))
    assert said == [f'{tmp_path}/w.pth: the state dict is taken from its '
                    "entry 'model'"]


def test_several_state_dicts_are_refused(tmp_path):
    """None of them is the obvious one."""
    weights = nn.Linear(3, 2).state_dict()
    torch.save(dict(model=weights, ema=dict(shadow=weights)),
               tmp_path / 'w.pth')
    with pytest.raises(InputError, match=r'w.pth: expected one state dict .*'
                       r'found 2: model, ema.shadow; save .*w.pth.\)\['
                       r'.model.\], NEW'):
        load_weights(nn.Linear(3, 2), str(tmp_path / 'w.pth'))


@pytest.mark.parametrize('key', [
    'adapters.0.0.squeeze_excitation.conv1.conv.bias',
    'stem.levels.2.project.bias', 'fusion.spatial_score.1.bias',
    'fusion.channel_score.3.bias', 'fusion.scores.0.0.bias'])
def test_weights_of_former_blocks_are_refused_in_a_line(tiny_cfg, tmp_path,
                                                        key):
    """The blocks once had biases that the release has not."""
    model = MODELS.build(tiny_cfg.model)
    weights = {**model.state_dict(), f'image_encoder.{key}': torch.zeros(2)}
    torch.save(weights, tmp_path / 'w.pth')
    with pytest.raises(InputError, match="w.pth: expected blocks as in DB-SAM"
                       f"'s release, found .* before, with .*{key}") as caught:
        load_weights(model, str(tmp_path / 'w.pth'))
    assert '\n' not in str(caught.value)
    assert not [name for name in model.state_dict()
                if _FORMER_BIAS.match(name)]


@pytest.mark.parametrize('key, value', [('embed_dims', 96),
                                        ('num_layers', 8)])
def test_another_architecture_is_refused(tiny_cfg, tmp_path, key, value):
    torch.save(MODELS.build(tiny_cfg.model).state_dict(), tmp_path / 'w.pth')
    tiny_cfg.model.image_encoder.vit.arch[key] = value
    model = MODELS.build(tiny_cfg.model)
    for load in (load_weights, load_pretrained):
        with pytest.raises(InputError, match='of another architecture'):
            load(model, str(tmp_path / 'w.pth'))


def test_pretrained_may_miss_the_added_blocks_only(tiny_cfg, tmp_path):
    sam = MODELS.build(tiny_cfg.model).state_dict()
    added = ('adapters', 'stem', 'necks', 'fusion', 'norm')
    plain = {key: value for key, value in sam.items()
             if key.split('.')[1] not in added}
    torch.save(plain, tmp_path / 'sam.pth')
    tiny_cfg.model.pretrained = str(tmp_path / 'sam.pth')
    model = MODELS.build(tiny_cfg.model)
    model.init_weights()
    for key, value in plain.items():
        assert torch.equal(model.state_dict()[key], value)
    plain.pop('mask_head.iou_token.weight')
    torch.save(plain, tmp_path / 'sam.pth')
    with pytest.raises(InputError, match='without mask_head.iou_token'):
        MODELS.build(tiny_cfg.model).init_weights()
