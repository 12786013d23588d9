"""The weights of the authors' release of DB-SAM, and ours, under both names.

The release is ``AlfredQin/DB-SAM``, commit d15cd33. SAM's own parts have the
names of ``segment_anything`` there.
"""

import re
from dataclasses import dataclass
from typing import Dict, Iterable, List, Tuple

import torch
from torch import Tensor

from mmdbsam.errors import InputError

# The release's and our beginning of a name; the rest is the same in both.
_Pairs = List[Tuple[str, str]]

_BLOCK: _Pairs = [
    ('norm1.', 'ln1.'), ('norm2.', 'ln2.'), ('attn.', 'attn.'),
    ('mlp.lin1.', 'ffn.layers.0.0.'), ('mlp.lin2.', 'ffn.layers.1.'),
]
_ATTENTION: _Pairs = [
    ('query_norm.', 'query_norm.'), ('value_norm.', 'value_norm.'),
    ('attn.', 'attention.'), ('ffn_pre_norm.', 'ffn_norm.'),
    ('mlp.fc1.', 'ffn.expand.'), ('mlp.dwconv.', 'ffn.depthwise.'),
    ('mlp.fc2.', 'ffn.project.'),
]
_CHANNEL_ATTENTION: _Pairs = [
    ('pre_norm.', 'norm.'), ('conv_dw.', 'depthwise.'),
    ('se.fc1.', 'squeeze_excitation.conv1.conv.'),
    ('se.fc2.', 'squeeze_excitation.conv2.conv.'),
    ('conv_pw.', 'pointwise.'),
]
# DANE, DANE3, MultiConvFeatsDANE, HadamardProduct and ConcatAggregationBlock.
_FUSION: _Pairs = [
    ('fc_spatial.', 'spatial_score.'), ('fc_channel.', 'channel_score.'),
    ('vit_fc.', 'scores.0.'),
    ('ffn_norm.', 'mlp.0.'), ('ffn.fc1.', 'mlp.1.'), ('ffn.fc2.', 'mlp.3.'),
    ('to_q.', 'query.'), ('to_k.', 'key.'), ('prob.0.', 'mix.'),
    ('prob.1.', 'norm.'), ('conv.0.', 'project.'),
]
# These are 1x1 convolutions in the release and linear layers here.
_CONV_1X1 = re.compile(r'image_encoder\.fusion\.'
                       r'(conv_project|query|key|mix|project)\.weight$')
# MultiConvFeatsDANE has one layer more than there are levels; nothing uses it.
_UNUSED = re.compile(r'image_encoder\.adapter\.aggregation\.conv_fc\.(\d+)\.')


@dataclass(frozen=True)
class _Structure:
    """The numbers of modules, by which the names of weights are numbered.

    Attributes:
        depth: The number of the ViT's blocks.
        stages: The number of stages.
        convs: The number of convolutions of each level of the stem.
        with_norm: Whether a LayerNorm ends each level.
    """

    depth: int
    stages: int
    convs: List[int]
    with_norm: bool

    @classmethod
    def of_release(cls, names: Iterable[str]) -> '_Structure':
        """Count modules by the release's names."""
        text = '\n'.join(names)
        levels = _count(text, r'spatial_prior_module\.lcb(\d+)\.') - 1
        return cls(
            depth=_count(text, r'^image_encoder\.blocks\.(\d+)\.'),
            stages=_count(text, r'attn_blocks\.(\d+)\.'),
            convs=[len(set(re.findall(rf'\.lcb{level}\.(\d+)\.bn\.', text)))
                   for level in range(1, levels + 1)],
            with_norm=bool(re.search(r'\.lcb1\.\d+\.bias$', text, re.M)))

    @classmethod
    def of_ours(cls, names: Iterable[str]) -> '_Structure':
        """Count modules by our names."""
        text = '\n'.join(names)
        return cls(
            depth=_count(text, r'\.vit\.layers\.(\d+)\.'),
            stages=_count(text, r'\.necks\.(\d+)\.'),
            convs=[_count(text, rf'\.stem\.levels\.{level}\.convs\.(\d+)\.')
                   for level in range(_count(text,
                                             r'\.stem\.levels\.(\d+)\.'))],
            with_norm='.stem.levels.0.norm.' in text)

    def pairs(self) -> _Pairs:
        """List the beginnings of all names, in both forms."""
        pairs = [('pos_embed', 'vit.pos_embed'),
                 ('patch_embed.proj.', 'vit.patch_embed.projection.'),
                 ('neck.', 'vit.channel_reduction.'),
                 ('adapter.level_embed', 'stem.level_embedding'),
                 ('adapter.conv.', 'fusion.conv_project.'),
                 ('adapter.norm.', 'norm.norm.')]
        for i in range(self.depth):
            pairs += _within(f'blocks.{i}.', f'vit.layers.{i}.', _BLOCK)
        for i, number in enumerate(self.convs):
            pairs += self._stem_level(i, number)
        for i in range(self.stages):
            pairs += self._stage(i)
        fusion = 'adapter.aggregation.'
        pairs += _within(fusion, 'fusion.', _FUSION)
        pairs += _within(f'{fusion}conv.1.', 'fusion.channel_attention.',
                         _CHANNEL_ATTENTION)
        pairs += [(f'{fusion}conv_fc.{i}.', f'fusion.scores.{i + 1}.')
                  for i in range(len(self.convs))]
        return [('prompt_encoder.', 'prompt_encoder.'),
                ('mask_decoder.', 'mask_head.'),
                *_within('image_encoder.', 'image_encoder.', pairs)]

    def _stem_level(self, i: int, convs: int) -> _Pairs:
        # The release counts a resizing first, but for LFIP6's full image.
        first = 0 if i == 0 and not self.with_norm else 1
        theirs = f'adapter.spatial_prior_module.lcb{i + 1}.'
        ours = f'stem.levels.{i}.'
        return [
            *((f'{theirs}{first + k}.', f'{ours}convs.{k}.')
              for k in range(convs)),
            (f'{theirs}{first + convs}.conv.', f'{ours}project.'),
            (f'{theirs}{first + convs + 1}.', f'{ours}norm.'),
        ]

    def _stage(self, i: int) -> _Pairs:
        last = self.depth // self.stages - 1
        blocks = [('vit_cross_attn_blocks', 'vit_reads_conv'),
                  ('conv_cross_attn_blocks', 'conv_reads_vit'),
                  ('self_attn_blocks', 'blocks.0'),
                  ('self_attn_blocks1', 'blocks.1')]
        pairs = _within(f'adapter.vit_conv_blocks.{i}.',
                        f'adapters.{i}.{last}.', _CHANNEL_ATTENTION)
        for theirs, ours in blocks:
            pairs += _within(f'adapter.{theirs}.{i}.', f'necks.{i}.{ours}.',
                             _ATTENTION)
        return pairs


def from_release(state_dict: Dict[str, Tensor]
                 ) -> Tuple[Dict[str, Tensor], Dict[str, Tensor]]:
    """Give the release's weights our names.

    Those of SAM alone are translated as well.

    Args:
        state_dict: The state dict of the release's ``AdaptedSam``. The names
            may begin with ``module.``.

    Returns:
        tuple: The weights under our names, and those that nothing uses, under
        the release's names without ``module.``.

    Raises:
        InputError: If a name is not one of the release's.
    """
    weights = {name.removeprefix('module.'): value
               for name, value in state_dict.items()}
    structure = _Structure.of_release(weights)
    unused = {name: weights.pop(name) for name in list(weights)
              if (match := _UNUSED.match(name))
              and int(match[1]) >= len(structure.convs)}
    names = dict(structure.pairs())
    converted = {}
    for name, value in weights.items():
        ours = _translate(name, names, 'that mmdbsam has')
        converted[ours] = (value.flatten(1) if _CONV_1X1.match(ours)
                           else value)
    return converted, unused


def to_release(state_dict: Dict[str, Tensor],
               unused: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Give our weights the release's names, as :func:`from_release` undone.

    Args:
        state_dict: The state dict of a :class:`.PromptSegmentor`.
        unused: The weights of the release that nothing uses. Where DB-SAM+
            has none, they are zeros.

    Returns:
        dict[str, Tensor]: The weights under the release's names.

    Raises:
        InputError: If a weight has no counterpart in the release.
    """
    structure = _Structure.of_ours(state_dict)
    names = {ours: theirs for theirs, ours in structure.pairs()}
    converted = {}
    for name, value in state_dict.items():
        theirs = _translate(name, names, "that DB-SAM's release has")
        converted[theirs] = (value[:, :, None, None]
                             if _CONV_1X1.match(name) else value)
    fusion = 'image_encoder.adapter.aggregation.conv_fc.'
    last, after = (f'{fusion}{len(structure.convs) + i}.' for i in (-1, 0))
    zeros = {name.replace(last, after): torch.zeros_like(value)
             for name, value in converted.items() if name.startswith(last)}
    return {**converted, **(unused or zeros)}


def _count(text: str, pattern: str) -> int:
    """One more than the greatest number that a pattern finds, or 0."""
    return max(map(int, re.findall(pattern, text, re.M)), default=-1) + 1


def _within(theirs: str, ours: str, pairs: _Pairs) -> _Pairs:
    return [(theirs + a, ours + b) for a, b in pairs]


def _translate(name: str, beginnings: Dict[str, str], which: str) -> str:
    """Replace the beginning of a name."""
    for end in range(len(name), 0, -1):
        if name[:end] in beginnings:
            return beginnings[name[:end]] + name[end:]
    raise InputError(f'weight {name}: expected one {which}, found none of '
                     'this name there')
