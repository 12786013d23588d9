"""Checkpoints of other projects, converted by the tools."""

import pytest
import torch
from segment_anything.modeling import MaskDecoder, PromptEncoder

from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS
from mmdbsam.weights.loading import load_pretrained, load_weights
from mmdbsam.weights.release_names import to_release


@pytest.fixture
def convert(load_tool, monkeypatch):
    """A function that runs a converter in this process."""

    def run(name, *words):
        tool = load_tool(f'model_converters/{name}.py')
        monkeypatch.setattr('sys.argv', [name, *map(str, words)])
        tool.main()

    return run


@pytest.fixture
def model(tiny_cfg):
    """The tiny model with blocks as in the release."""
    tiny_cfg.merge_from_dict(dict(model=dict(image_encoder=dict(
        adapter=dict(placement='stage', zero_init=False),
        stem=dict(norm_cfg=dict(_delete_=True, type='BN')),
        fusion=dict(zero_init=False), norm=dict(zero_init=False)))))
    torch.manual_seed(0)
    return MODELS.build(tiny_cfg.model)


@pytest.fixture
def plain(tiny_cfg):
    """The tiny model without added blocks, which is SAM."""
    tiny_cfg.model.image_encoder.update(dict.fromkeys(
        ('adapter', 'stem', 'neck', 'fusion', 'norm')))
    torch.manual_seed(0)
    return MODELS.build(tiny_cfg.model)


def assert_equal(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert torch.equal(found[name], value), name


def test_release_to_ours_and_back(convert, model, tmp_path, tiny_cfg, capsys):
    theirs = to_release(model.state_dict(), {})
    # super-gradients saves numbers and texts beside the weights.
    torch.save(dict(net={f'module.{k}': v for k, v in theirs.items()},
                    epoch=3, acc=torch.tensor(0.5)), tmp_path / 'theirs.pth')
    convert('dbsam_release', tmp_path / 'theirs.pth', tmp_path / 'ours.pth')
    other = MODELS.build(tiny_cfg.model)
    load_weights(other, str(tmp_path / 'ours.pth'))
    assert_equal(other.state_dict(), model.state_dict())
    convert('dbsam_release', tmp_path / 'ours.pth', tmp_path / 'back.pth')
    assert_equal(torch.load(tmp_path / 'back.pth')['net'], theirs)
    out = capsys.readouterr().out
    assert 'ours.pth: written with our names' in out
    assert "back.pth: written with the release's names" in out


def test_decoder_and_prompts_have_sams_names(model):
    """They are the names of segment_anything's modules."""
    theirs = to_release(model.state_dict(), {})
    wanted = dict(
        prompt_encoder=PromptEncoder(64, (16, 16), (128, 128), 16),
        mask_decoder=MaskDecoder(transformer_dim=64,
                                 transformer=model.mask_head.transformer))
    for part, module in wanted.items():
        names = {name for name in theirs if name.startswith(f'{part}.')}
        assert names == {f'{part}.{name}' for name in module.state_dict()}


def official(model):
    """SAM's names of a plain model's weights."""
    return to_release(model.state_dict(), {})


@pytest.mark.parametrize('entry', [None, 'model'])
def test_medsam_becomes_what_a_training_starts_from(convert, plain, tmp_path,
                                                    tiny_cfg, entry):
    weights = official(plain)
    assert 'image_encoder.blocks.0.attn.qkv.weight' in weights
    assert 'mask_decoder.mask_tokens.weight' in weights
    torch.save({entry: weights, 'epoch': 1} if entry else weights,
               tmp_path / 'medsam.pth')
    convert('medsam', tmp_path / 'medsam.pth', tmp_path / 'ours.pth')
    other = MODELS.build(tiny_cfg.model)
    load_pretrained(other, str(tmp_path / 'ours.pth'))
    assert_equal(other.state_dict(), plain.state_dict())


def test_adapters_of_sam_med2d_are_refused_by_name(convert, plain, tmp_path):
    weights = official(plain)
    for name in ('channel.0', 'norm'):
        weights[f'image_encoder.blocks.0.Adapter.{name}.weight'] = \
            torch.zeros(1)
    torch.save(dict(model=weights), tmp_path / 'sam-med2d_b.pth')
    with pytest.raises(InputError, match="sam-med2d_b.pth: .*SAM-Med2D's "
                       r'adapters \(image_encoder.blocks.0.Adapter.channel.0'
                       '.weight and 1 more'):
        convert('medsam', tmp_path / 'sam-med2d_b.pth', tmp_path / 'o.pth')
    assert not (tmp_path / 'o.pth').exists()


def test_what_cannot_be_converted_is_refused(convert, plain, tmp_path):
    with pytest.raises(InputError, match='none.pth: no such file'):
        convert('dbsam_release', tmp_path / 'none.pth', tmp_path / 'o.pth')
    torch.save(official(plain), tmp_path / 'sam.pth')
    with pytest.raises(InputError, match='o.pth: expected a place to write'):
        convert('medsam', tmp_path / 'sam.pth', tmp_path / 'no' / 'o.pth')
