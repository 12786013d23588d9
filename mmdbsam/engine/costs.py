"""What each block of a model costs in parameters, operations, time and memory.

Adapters within the ViT's blocks are counted as part of these, except for their
parameters. Operations are those of the model's equations, counted on tensors
without data; a multiplication and an addition are two operations. Time and
memory are measured on this machine, with random weights.
"""

import time
from functools import partial
from statistics import median
from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

import torch
from mmengine.config import Config
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmdbsam.engine.memory import peak_memory, restart_peak
from mmdbsam.models import PromptSegmentor
from mmdbsam.registry import MODELS


class Block(NamedTuple):
    """A part of the model, and what is called when it runs.

    Attributes:
        name: The name of the block in tables.
        modules: The modules that it consists of.
        methods: Methods that belong to it beside the modules' ``forward``,
            each as its owner and its name.
    """

    name: str
    modules: List[nn.Module]
    methods: Sequence[Tuple[nn.Module, str]] = ()

    @property
    def calls(self) -> List[Tuple[nn.Module, str]]:
        """All methods that the block consists of, as their owners and names.
        """
        return [*self.methods, *((module, 'forward') for module
                                 in self.modules)]


def find_blocks(model: nn.Module) -> List[Block]:
    """List the parts of a model in the order in which they run first."""
    if not isinstance(model, PromptSegmentor):
        return [Block(name.replace('_', ' '), [part])
                for name, part in model.named_children()
                if any(parameter.numel() for parameter in part.parameters())]
    encoder = model.image_encoder
    vit = encoder.vit
    blocks = [] if encoder.stem is None else [Block('stem', [encoder.stem])]
    stages = []
    for i, (vit_blocks, adapters, exchange) in enumerate(
            zip(vit.stages, encoder.adapters, encoder.necks, strict=True), 1):
        # The backbone joins the step that leads to a stage to its first block
        # in a new container at each call, which cannot be metered.
        vit_blocks = [module for block in vit_blocks for module in (
            block if isinstance(block, nn.Sequential) else [block])]
        stages += [Block(f'ViT, stage {i}', vit_blocks),
                   Block(f'adapters, stage {i}', list(adapters)),
                   Block(f'neck, stage {i}', [exchange] if exchange else [])]
    of_stages = {id(parameter) for block in stages
                 for module in block.modules
                 for parameter in module.parameters()}
    embedding = nn.ParameterList(
        parameter for name, parameter in vit.named_parameters()
        if id(parameter) not in of_stages
        and not name.startswith('channel_reduction'))
    blocks += [Block('ViT, embedding', [embedding], [(vit, 'embed')]), *stages]
    if encoder.fusion is not None:
        blocks.append(Block('fusion', [encoder.fusion]))
    if encoder.norm is not None:
        blocks.append(Block('norm', [encoder.norm]))
    prompts = model.prompt_encoder
    blocks += [Block('ViT, channel reduction', [vit.channel_reduction]),
               Block('prompt encoder', [prompts],
                     [(prompts, 'get_dense_pe')]),
               Block('mask head', [model.mask_head])]
    return [block for block in blocks
            if any(parameter.numel() for module in block.modules
                   for parameter in module.parameters())]


def meter(model: nn.Module, start: Callable[[], float],
          stop: Callable[[float], float],
          run: Callable[[], None]) -> Dict[str, List[float]]:
    """Run a model, and measure a quantity in each call of each block.

    Args:
        model: The model.
        start: A function that is called before a block.
        stop: A function that is called after the block, with the result of
            ``start``. It returns the value of the quantity.
        run: A function that runs the model.

    Returns:
        dict[str, list[float]]: The values of the calls of each block by its
        name, with ``'total'`` for the whole model.
    """
    found: Dict[str, List[float]] = {}
    changed = []

    def metered(name: str, function: Callable, *args: Any,
                **kwargs: Any) -> Any:
        before = start()
        output = function(*args, **kwargs)
        found.setdefault(name, []).append(stop(before))
        return output

    for block in find_blocks(model):
        for owner, method in block.calls:
            setattr(owner, method, partial(metered, block.name,
                                           getattr(owner, method)))
            changed.append((owner, method))
    try:
        before = start()
        run()
        found['total'] = [stop(before)]
    finally:
        for owner, method in changed:
            delattr(owner, method)
    return found


def run_once(model: nn.Module, prompts: int, device: str) -> None:
    """Encode an image and decode its prompts, or segment it without any."""
    side = model.data_preprocessor.size
    images = torch.zeros(1, 3, side, side, device=device)
    if not isinstance(model, PromptSegmentor):
        model(images)
        return
    embedding = model.encode_image(images)
    boxes = torch.tensor([0., 0., side / 2, side / 2], device=device)
    model.decode_prompts(embedding, boxes=boxes.expand(prompts, 4))


def count_operations(cfg: Config, prompts: int) -> Dict[str, float]:
    """Count the operations of each block, without memory for the weights.

    Args:
        cfg: The config of the model.
        prompts: The number of prompts of the image, if the model has any.

    Returns:
        dict[str, float]: The number of operations by the block's name.
    """
    with torch.device('meta'):
        model = MODELS.build(cfg.model).eval().requires_grad_(False)
        with FlopCounterMode(display=False) as counter:
            found = meter(model, counter.get_total_flops,
                          lambda before: counter.get_total_flops() - before,
                          lambda: run_once(model, prompts, 'meta'))
    return {name: sum(values) for name, values in found.items()}


@torch.inference_mode()
def measure(model: nn.Module, prompts: int, device: str, runs: int,
            dtype: torch.dtype) -> Dict[str, Dict[str, float]]:
    """Measure the time and the memory of each block.

    Args:
        model: The model, on the device and in evaluation mode.
        prompts: The number of prompts of the image, if the model has any.
        device: 'cpu' or 'cuda'.
        runs: The number of runs that the time is the median of.
        dtype: The number format, see :func:`.amp_dtype`.

    Returns:
        dict: 'seconds' and 'bytes', each a dict of the values by the block's
        name.
    """

    def clock() -> float:
        if device == 'cuda':
            torch.cuda.synchronize()
        return time.perf_counter()

    def run() -> None:
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            run_once(model, prompts, device)

    run()
    timed = [meter(model, clock, lambda before: clock() - before, run)
             for _ in range(runs)]
    seconds = {name: median(sum(found[name]) for found in timed)
               for name in timed[0]}
    memory = meter(model, partial(restart_peak, device),
                   lambda before: peak_memory(device) - before, run)
    memory = {name: max(values) for name, values in memory.items()}
    # Metering the blocks has restarted the peak in between.
    before = restart_peak(device)
    run()
    memory['total'] = peak_memory(device) - before
    return dict(seconds=seconds, bytes=memory)


def parameters(model: nn.Module) -> Dict[str, Dict[str, int]]:
    """Count the 'trained' and 'frozen' parameters of each block, by name."""
    found = {}
    for block in [*find_blocks(model), Block('total', [model])]:
        counts = dict(trained=0, frozen=0)
        for module in block.modules:
            for parameter in module.parameters():
                counts['trained' if parameter.requires_grad
                       else 'frozen'] += parameter.numel()
        found[block.name] = counts
    return found
