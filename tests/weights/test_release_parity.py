"""What DB-SAM's release computes, and its weights under both names.

tests/data/README.md says where the embeddings and the formulas are from.
"""

import json
import zlib

import numpy as np
import pytest
import torch

from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS
from mmdbsam.weights.release_names import from_release, to_release

PREFIX = 'image_encoder.'
KINDS = ['dbsam', 'dbsam_resize', 'dbsam_plus']


def weight(name, shape):
    """The weight of a name, by the formula of the reference."""
    noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(
        shape)
    if name.endswith('running_var'):
        value = 1 + 0.5 * np.tanh(noise)
    elif name.endswith('num_batches_tracked'):
        value = np.array(0)
    elif len(shape) == 1 and name.endswith('weight'):
        value = 1 + 0.1 * noise
    elif (len(shape) < 2 or 'rel_pos' in name
          or name in ('pos_embed', 'adapter.level_embed')):
        value = 0.1 * noise
    else:
        value = noise / np.sqrt(np.prod(shape[1:]))
    return torch.from_numpy(np.asarray(value))


@pytest.fixture(scope='module')
def data(repo_root):
    return repo_root / 'tests/data/release_parity'


@pytest.fixture(scope='module')
def release(data):
    """A function that makes the release's weights of a kind of model."""
    shapes = json.loads((data / 'state_dicts.json').read_text())

    def make(kind):
        of = shapes['dbsam_plus' if kind == 'dbsam_plus' else 'dbsam']
        return {PREFIX + name: weight(name, shape)
                for name, shape in of.items()}

    return make


def build(**blocks):
    """The encoder of the reference, with other blocks if they are given."""
    return MODELS.build(dict(
        type='DualBranchEncoder',
        vit=dict(type='SAMViT', img_size=256, window_size=14,
                 norm_cfg=dict(type='LN', eps=1e-5),
                 arch=dict(embed_dims=48, num_layers=8, num_heads=4,
                           feedforward_channels=192,
                           global_attn_indexes=[3, 7])),
        adapter=dict(type='ChannelAttention', placement='stage'),
        stem=dict(type='ConvStem', channels=48),
        neck=dict(type='BilateralCrossAttention', num_heads=4),
        fusion=dict(type='GatedFusion'),
        norm=dict(type='OutputNorm')) | blocks).double().eval()


PLUS = dict(adapter=None,
            neck=dict(type='PyramidSelfAttention', num_heads=4),
            fusion=dict(type='SoftmaxFusion'))
BLOCKS = dict(dbsam={}, dbsam_plus=PLUS, dbsam_resize=dict(
    stem=dict(type='ConvStem', channels=48, resize='antialias')))


def named(encoder):
    """The weights of an encoder as a whole model's state dict has them."""
    return {PREFIX + name: value
            for name, value in encoder.state_dict().items()}


def assert_equal(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value), name


@torch.no_grad()
@pytest.mark.parametrize('kind', KINDS)
def test_embedding_is_the_releases(kind, release, data):
    encoder = build(**BLOCKS[kind])
    weights, _ = from_release(release(kind))
    encoder.load_state_dict({name.removeprefix(PREFIX): value
                             for name, value in weights.items()})
    coarse = np.random.default_rng(0).standard_normal((1, 3, 64, 64))
    image = torch.from_numpy(np.kron(coarse, np.ones((1, 1, 4, 4))))
    wanted = np.load(data / 'embeddings.npz')[kind]
    found = encoder(image)[:, ::4].numpy()
    assert np.abs(found - wanted).max() < 1e-6


@pytest.mark.parametrize('kind', ['dbsam', 'dbsam_plus'])
def test_weights_come_back_bit_for_bit(kind, release):
    theirs = release(kind)
    ours, unused = from_release(theirs)
    assert ours.keys() == named(build(**BLOCKS[kind])).keys()
    assert_equal(to_release(ours, unused), theirs)
    # The fifth score of DB-SAM+, which its four levels never reach.
    fifth = {name for name in theirs if '.conv_fc.4.' in name}
    assert unused.keys() == fifth and bool(fifth) == (kind == 'dbsam_plus')
    wrapped = {f'module.{name}': value for name, value in theirs.items()}
    assert_equal(from_release(wrapped)[0], ours)


@pytest.mark.parametrize('blocks, names', [
    (dict(fusion=dict(type='ConcatFusion')),
     {'conv.0.weight': (48, 96, 1, 1), 'conv.1.conv_dw.weight': (192, 1, 3, 3),
      'conv.1.se.fc1.weight': (48, 192, 1, 1)}),
    (dict(fusion=dict(type='HadamardFusion')),
     {'to_q.weight': (48, 48, 1, 1), 'to_k.bias': (48, ),
      'prob.0.weight': (48, 48, 1, 1), 'prob.1.running_var': (48, )}),
    (dict(fusion=dict(type='PixelGatedFusion')),
     {'fc_spatial.0.weight': (4, 48), 'fc_spatial.2.bias': (4, ),
      'fc_channel.3.weight': (48, 4)}),
    (PLUS, {'vit_fc.3.weight': (48, 4), 'conv_fc.3.0.weight': (4, 48),
            'conv_fc.4.0.weight': (4, 48)}),
], ids=lambda value: value['fusion']['type'] if 'fusion' in value else '')
def test_other_fusions_have_the_releases_names(blocks, names):
    ours = named(build(**blocks))
    theirs = to_release(ours, {})
    fusion = f'{PREFIX}adapter.aggregation.'
    for name, shape in names.items():
        assert theirs[fusion + name].shape == shape
    assert_equal(from_release(theirs)[0], ours)


def test_large_kernel_stem_has_the_names_of_lfip6():
    ours = named(build(stem=dict(type='LargeKernelStem', channels=48)))
    theirs = to_release(ours, {})
    prior = f'{PREFIX}adapter.spatial_prior_module.'
    # The full image of the first level is not resized; and no level has a
    # norm after its last convolution.
    kernels = {name: tuple(theirs[f'{prior}{name}.conv.weight'].shape)
               for name in ('lcb1.0', 'lcb1.5', 'lcb2.1', 'lcb2.6', 'lcb4.1',
                            'lcb4.5')}
    assert kernels == {
        'lcb1.0': (128, 3, 7, 7), 'lcb1.5': (48, 512, 1, 1),
        'lcb2.1': (128, 3, 3, 3), 'lcb2.6': (48, 512, 1, 1),
        'lcb4.1': (256, 3, 3, 3), 'lcb4.5': (48, 512, 1, 1)}
    assert_equal(from_release(theirs)[0], ours)


def test_weights_without_a_counterpart_are_named():
    ours = named(build(fusion=dict(type='GatedFusion', zero_init=True)))
    with pytest.raises(InputError, match="image_encoder.fusion.gate_scale: "
                       "expected one that DB-SAM's release has"):
        to_release(ours, {})
    with pytest.raises(InputError, match='adapter.gamma: expected one that '
                       'mmdbsam has'):
        from_release({f'{PREFIX}adapter.gamma': torch.zeros(1)})
