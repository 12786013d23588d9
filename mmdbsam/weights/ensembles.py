"""Loading the checkpoints of an ensemble."""

from collections.abc import Sequence

from torch import nn

from mmdbsam.weights.loading import load_weights, unwrap


def load_members(model: nn.Module, paths: Sequence[str]) -> None:
    """Load a checkpoint into each member of an ensemble.

    Args:
        model: The model of one checkpoint or, of several, a
            :class:`.PromptEnsemble` of as many members; or what wraps it, see
            :func:`.load_weights`.
        paths: The checkpoints, see :func:`.load_weights`.

    Raises:
        InputError: See :func:`.load_weights`.
    """
    if len(paths) == 1:
        load_weights(model, paths[0])
        return
    ensemble = unwrap(model)
    # The first member is the ensemble itself; its others are not its weights.
    others, ensemble.others = ensemble.others, nn.ModuleList()
    try:
        load_weights(ensemble, paths[0])
    finally:
        ensemble.others = others
    for member, path in zip(others, paths[1:], strict=True):
        load_weights(member, path)
