"""The names of the weights, by which checkpoints made earlier are loaded.

Who renames a parameter must translate the old name on loading, and then may
add the new one here.
"""

import re

import pytest
import torch

from mmdbsam.registry import MODELS
from mmdbsam.weights.loading import load_weights

# Without the numbers of layers and without the last part, as weight or bias.
ATTENTION = {f'attention.{name}' for name in (
    'attention_weights', 'output_proj', 'sampling_offsets', 'value_proj')}
READING = ATTENTION | {'ffn.depthwise', 'ffn.expand', 'ffn.project',
                       'ffn_norm', 'query_norm', 'value_norm'}
ENCODER = {
    'adapters': {'depthwise', 'norm', 'pointwise',
                 'squeeze_excitation.conv1.conv',
                 'squeeze_excitation.conv2.conv'},
    'norm': {'', 'norm'},
    'fusion': {'', 'channel_score', 'conv_project', 'mlp', 'spatial_score'},
    'necks': {f'{branch}.{name}' for name in READING
              for branch in ('conv_reads_vit', 'vit_reads_conv')},
    'stem': {'', 'levels.convs.conv', 'levels.convs.gn', 'levels.norm',
             'levels.project'},
    'vit': {'', 'channel_reduction', 'layers.attn', 'layers.attn.proj',
            'layers.attn.qkv', 'layers.ffn.layers', 'layers.ln1',
            'layers.ln2', 'patch_embed.projection'},
}
FUSIONS = {
    'ConcatFusion': {'conv_project', 'project', *(
        f'channel_attention.{name}' for name in (
            'depthwise', 'norm', 'pointwise', 'squeeze_excitation.conv1.conv',
            'squeeze_excitation.conv2.conv'))},
    'HadamardFusion': {'conv_project', 'query', 'key', 'mix', 'norm'},
    'PixelGatedFusion': {'channel_score', 'conv_project', 'mlp',
                         'spatial_score'},
    'SingleBranchFusion': {'conv_project'},
    'SoftmaxFusion': {'conv_project', 'scores', 'mlp'},
    'SumFusion': {'conv_project'},
}


def owners(module):
    """The names of the modules that have weights of their own."""
    return {re.sub(r'\.?\b\d+\b', '', name.rpartition('.')[0]).lstrip('.')
            for name in module.state_dict()}


def test_the_encoders_weights_keep_their_names(tiny_cfg):
    encoder = MODELS.build(tiny_cfg.model).image_encoder
    assert {name: owners(part) for name, part in encoder.named_children()
            } == ENCODER


@pytest.mark.parametrize('kind', FUSIONS)
def test_the_fusions_weights_keep_their_names(kind):
    branch = dict(branch='conv') if kind == 'SingleBranchFusion' else {}
    fusion = MODELS.build(dict(type=kind, vit_channels=24, conv_channels=10,
                               num_levels=2, **branch))
    assert owners(fusion) == FUSIONS[kind]


def test_sams_neck_is_the_channel_reduction(tiny_cfg, tmp_path):
    """Both SAM's name and ours load; the exchange is not mistaken for it."""
    saved = MODELS.build(tiny_cfg.model).state_dict()
    ours = 'image_encoder.vit.channel_reduction.'
    assert any(key.startswith(ours) for key in saved)
    official = {key.replace(ours, 'image_encoder.neck.'): value
                for key, value in saved.items()}
    assert official.keys() != saved.keys()
    torch.save(official, tmp_path / 'official.pth')
    model = MODELS.build(tiny_cfg.model)
    load_weights(model, str(tmp_path / 'official.pth'))
    for key, value in model.state_dict().items():
        assert torch.equal(value, saved[key]), key
