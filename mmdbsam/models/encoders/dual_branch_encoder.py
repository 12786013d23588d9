"""DB-SAM's image encoder: the interleaving of its two branches."""

from typing import Any, Callable, List, Optional, Sequence

from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmdbsam.errors import InputError
from mmdbsam.models.adapters.in_block import InBlockAdapter
from mmdbsam.registry import MODELS

# The official key names of SAM's and LiteMedSAM's image encoders, which belong
# to the ViT.
_SAM_PREFIXES = ('patch_embed.', 'pos_embed', 'blocks.', 'layers.', 'neck.')


@MODELS.register_module()
class DualBranchEncoder(BaseModule):
    """A frozen ViT and a convolutional branch, exchanged stage by stage.

    This is the encoder of DB-SAM's figure 2. Each added block may be
    ``None``; if all of them are, it is SAM's encoder. The encoder tells the
    blocks their widths, so that configs need not state them.

    Args:
        vit: Config of the ViT branch. It is a backbone with ``embed``,
            ``stages``, ``channel_reduction``, ``stage_widths``, ``img_size``,
            ``out_size`` and, for adapters within its blocks,
            ``attention_and_mlp``.
        adapter: Config of the adapter in the ViT branch. Its key
            ``placement`` puts one after every 'block', as the paper's
            abstract says, or one after the last block of every 'stage', before
            the exchange, as in its figure and in the authors' release.
        stem: Config of the convolutional branch's stem.
        neck: Config of the exchange at the end of every stage.
        fusion: Config of the fusion of the two branches. One with a key
            ``branch`` reads that branch alone.
        norm: Config of the norm after the fusion, before the channel
            reduction.
        with_cp: Whether to use gradient checkpointing. Only the inputs of
            each block with its adapter, of each exchange and of the fusion
            are then kept, and the backward pass computes what lies within
            them again. The gradients are the same; a step needs less memory
            and about a third more time.

    Raises:
        InputError: If a block's type is not registered.
        InputError: If ``placement`` is neither 'block' nor 'stage'.
    """

    def __init__(self,
                 vit: dict,
                 adapter: Optional[dict] = None,
                 stem: Optional[dict] = None,
                 neck: Optional[dict] = None,
                 fusion: Optional[dict] = None,
                 norm: Optional[dict] = None,
                 with_cp: bool = False,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.with_cp = with_cp
        self.vit = MODELS.build(vit)
        self.adapters = self._build_adapters(adapter)
        stem, neck, fusion = _only_with_both_branches(stem, neck, fusion)
        self.stem = MODELS.build(stem) if stem else None
        self.necks = self._build_necks(neck, _branches_read(fusion))
        self.fusion = self._build_two_branch(
            fusion, self.vit.stage_widths[-1]) if fusion else None
        self.norm = MODELS.build(
            dict(norm, channels=self.vit.stage_widths[-1])) if norm else None

    @property
    def img_size(self) -> int:
        """Side of the square input S, in pixels."""
        return self.vit.img_size[0]

    @property
    def out_size(self) -> int:
        """Side of the embedding's grid, in tokens."""
        return self.vit.out_size

    @property
    def stage_channels(self) -> List[int]:
        """Channels of each map of :meth:`stage_maps`."""
        return [*self.vit.stage_widths[:-1], self.vit.out_channels]

    @property
    def stage_strides(self) -> List[int]:
        """Pixels of the input that a pixel of each map stands for."""
        return self.vit.stage_strides

    def forward(self, images: Tensor) -> Tensor:
        """Encode images.

        Args:
            images: The normalised images, (B, 3, S, S).

        Returns:
            Tensor: The embeddings, (B, 256, h, w).
        """
        return self.stage_maps(images)[-1]

    def stage_maps(self, images: Tensor) -> List[Tensor]:
        """Encode images, and keep what the stages make of them.

        Args:
            images: The normalised images, (B, 3, S, S).

        Returns:
            list[Tensor]: The ViT branch at the end of each stage but the last,
            after the exchange, (B, C, h, w), and then the embeddings,
            (B, 256, h, w), into which the last stage leads.
        """
        vit = self.vit.embed(images)
        conv: List[Tensor] = self.stem(images) if self.stem else []
        maps: List[Tensor] = []
        for blocks, adapters, exchange in zip(self.vit.stages, self.adapters,
                                              self.necks, strict=True):
            for block, adapter in zip(blocks, adapters, strict=True):
                vit = self._run(_adapted, block, adapter, vit)
            if exchange is not None:
                vit, conv = self._run(exchange, vit, conv)
            maps.append(vit.permute(0, 3, 1, 2))
        if self.fusion is not None:
            vit = self._run(self.fusion, vit, conv)
        if self.norm is not None:
            vit = self.norm(vit)
        maps[-1] = self.vit.channel_reduction(vit.permute(0, 3, 1, 2))
        return maps

    def _run(self, function: Callable, *args: Any) -> Any:
        """Call a part of the forward that checkpointing repeats."""
        if self.with_cp and self.training:
            return checkpoint(function, *args, use_reentrant=False)
        return function(*args)

    def _build_adapters(self, cfg: Optional[dict]) -> nn.ModuleList:
        """Build an adapter or an identity for each block of each stage."""
        cfg = dict(cfg) if cfg else {}
        placement = cfg.pop('placement', 'block')
        if placement not in ('block', 'stage'):
            raise InputError("adapter.placement: expected 'block' or 'stage', "
                             f"found '{placement}'")
        adapters = nn.ModuleList()
        for blocks, width in zip(self.vit.stages, self.vit.stage_widths,
                                 strict=True):
            stage = nn.ModuleList(nn.Identity() for _ in blocks)
            chosen = range(len(blocks)) if placement == 'block' else [-1]
            for i in chosen if cfg else []:
                stage[i] = MODELS.build(dict(cfg, channels=width))
                if isinstance(stage[i], InBlockAdapter):
                    stage[i].attach(*self.vit.attention_and_mlp(blocks[i]))
            adapters.append(stage)
        return adapters

    def _build_necks(self, cfg: Optional[dict],
                     read: Sequence[str]) -> nn.ModuleList:
        """Build an exchange for each stage.

        The last one updates only the branches that are read afterwards.
        """
        widths = self.vit.stage_widths
        if not cfg:
            return nn.ModuleList([None] * len(widths))
        necks = nn.ModuleList()
        for i, width in enumerate(widths):
            updates = {f'update_{branch}': i + 1 < len(widths)
                       or branch in read for branch in ('vit', 'conv')}
            necks.append(self._build_two_branch(dict(cfg, **updates), width))
        return necks

    def _build_two_branch(self, cfg: dict, vit_channels: int) -> nn.Module:
        return MODELS.build(
            dict(cfg, vit_channels=vit_channels,
                 conv_channels=self.stem.channels,
                 num_levels=self.stem.num_levels))

    def _load_from_state_dict(self, state_dict: dict, prefix: str,
                              *args) -> None:
        for key in [k for k in state_dict if k.startswith(prefix)]:
            name = key[len(prefix):]
            if name.startswith(_SAM_PREFIXES):
                state_dict[f'{prefix}vit.{name}'] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args)


def _adapted(block: nn.Module, adapter: nn.Module, vit: Tensor) -> Tensor:
    """The output of a frozen block and the adapter after it."""
    return adapter(block(vit))


def _branches_read(fusion: Optional[dict]) -> Sequence[str]:
    """The branches that are read after the last exchange."""
    if not fusion:
        return ('vit', )
    return (fusion['branch'], ) if 'branch' in fusion else ('vit', 'conv')


def _only_with_both_branches(stem: Optional[dict], neck: Optional[dict],
                             fusion: Optional[dict]) -> tuple:
    """Leave out the blocks that could have no effect, and log it."""
    if stem and (neck or 'conv' in _branches_read(fusion)):
        return stem, neck, fusion
    for name, cfg, partner in (('stem', stem, 'a neck or fusion'),
                               ('neck', neck, 'a stem'),
                               ('fusion', fusion, 'a stem')):
        if cfg:
            print_log(f'image_encoder.{name} is left out: without {partner} '
                      'it has no effect', logger='current')
    return None, None, None
