"""Training whose parameters are divided among the processes (FSDP2)."""

from typing import Any, Dict, List, Sequence

import torch
from mmengine._strategy import DDPStrategy, SingleDeviceStrategy
from mmengine.device import get_device
from mmengine.dist import get_world_size, is_main_process
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils._pytree import tree_map

from mmdbsam.errors import InputError
from mmdbsam.registry import STRATEGIES


@STRATEGIES.register_module()
class FSDP2Strategy(DDPStrategy):
    """Divide parameters, gradients and optimiser states among all processes.

    A process gathers the parameters of a block when it computes the block, and
    gives them back afterwards (torch's ``fully_shard``). The results are those
    of DDP, and so are the checkpoints, which hold whole tensors: each kind of
    training can resume the other.

    Args:
        blocks: The names of module lists in the model, such as
            ``'image_encoder.vit.layers'``, whose modules are gathered one by
            one. All other parameters are gathered together.
        **kwargs: The arguments of mmengine's ``DDPStrategy``.
    """

    def __init__(self, blocks: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.blocks = blocks

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        model = self.convert_model(model.to(get_device()))
        if get_device() == 'cpu':
            # FSDP takes a parameter's memory away again, which must not have
            # been lent to numpy: fused layers leave modules with hooks alone.
            for module in model.modules():
                module.register_forward_pre_hook(_do_nothing)
        parts = [part for name in self.blocks for part in _parts(model, name)]
        mesh = init_device_mesh(get_device(), (get_world_size(), ))
        for part in parts:
            fully_shard(part, mesh=mesh)
        return fully_shard(model, mesh=mesh)

    def save_checkpoint(self, filename: str, **kwargs: Any) -> None:
        """Write a checkpoint, for which all processes gather the tensors."""
        if is_main_process():
            SingleDeviceStrategy.save_checkpoint(self, filename, **kwargs)
            return
        self.model_state_dict()
        if kwargs.get('save_optimizer', True):
            self.optim_state_dict()

    def model_state_dict(self) -> Dict[str, Tensor]:
        """The whole weights, as the model had them before it was divided."""
        return tree_map(_whole, self.model.state_dict())

    def optim_state_dict(self) -> dict:
        """The optimiser's state, as if it had the whole parameters."""
        return tree_map(_whole, super().optim_state_dict())

    def load_model_state_dict(self, state_dict: Dict[str, Tensor],
                              **kwargs: Any) -> None:
        """Load whole weights; each process keeps its part of them.

        Weights that are missing, or of no use, are logged, as in other
        trainings.
        """
        own = self.model.state_dict()
        super().load_model_state_dict({
            name: _divided(value, own[name]) if name in own else value
            for name, value in state_dict.items()}, **kwargs)

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Load an optimiser's whole state; each process keeps its part."""
        parameters = [parameter for group in self.optim_wrapper.param_groups
                      for parameter in group['params']]
        for number, state in state_dict['state'].items():
            state_dict['state'][number] = {
                name: _divided(value, parameters[number])
                if torch.is_tensor(value)
                and value.shape == parameters[number].shape else value
                for name, value in state.items()}
        super().load_optim_state_dict(state_dict)


def _do_nothing(*_: object) -> None:
    """Be a hook."""


def _parts(model: nn.Module, name: str) -> List[nn.Module]:
    """The modules of one of the model's lists."""
    try:
        return list(model.get_submodule(name))
    except (AttributeError, TypeError) as error:
        raise InputError('strategy.blocks: expected a module list of the '
                         f"model, found '{name}'") from error


def _whole(value: Any) -> Any:
    """A tensor gathered from all processes, on the CPU; others as they are."""
    if isinstance(value, DTensor):
        value = value.full_tensor()
    return value.cpu() if isinstance(value, Tensor) else value


def _divided(value: Tensor, like: Tensor) -> Tensor:
    """A whole tensor, divided as another one is."""
    if not isinstance(like, DTensor):
        return value
    # All processes have read the same file, so that none must send its part.
    return distribute_tensor(value.to(like.device), like.device_mesh,
                             like.placements, src_data_rank=None)
