"""Several trainings of one model, which answer together."""

from typing import Any, List, Optional, Tuple

import torch
from torch import Tensor, nn

from mmdbsam.models.segmentors.prompt_segmentor import Points, PromptSegmentor
from mmdbsam.registry import MODELS


@MODELS.register_module()
class PromptEnsemble(PromptSegmentor):
    """Average the logits of several models, such as those of folds.

    It is used like one model, by tests, by simulated clicks and by inference:
    an image's embedding holds those of all models, and the decoded logits and
    predicted IoUs are means over the models. The mean on the image's own grid
    is that of the low-resolution logits, because interpolation is linear. The
    members differ in their weights only, which
    :func:`.load_members` reads.

    Args:
        members: The number of models, at least 1.
        **model: The arguments of the :class:`.PromptSegmentor`.
    """

    def __init__(self, members: int, **model: Any) -> None:
        super().__init__(**model)
        self.others = nn.ModuleList(
            PromptSegmentor(**model) for _ in range(members - 1))

    @property
    def members(self) -> List[PromptSegmentor]:
        """The models, of which the first is a view of this one."""
        return [self, *self.others]

    def encode_image(self, images: Tensor) -> Tensor:
        """Encode images with all models.

        Args:
            images: The preprocessed images, (B, 3, S, S).

        Returns:
            Tensor: The embeddings of the M models, (B, M * 256, h, w).
        """
        return torch.cat([PromptSegmentor.encode_image(member, images)
                          for member in self.members], dim=1)

    def decode_prompts(self,
                       embedding: Tensor,
                       boxes: Optional[Tensor] = None,
                       points: Optional[Points] = None,
                       masks: Optional[Tensor] = None,
                       multimask_output: bool = False
                       ) -> Tuple[Tensor, Tensor]:
        """Decode n prompts of one image with all models.

        Args:
            embedding: The embedding of the image, (1, M * 256, h, w).
            boxes: The boxes, as :meth:`.PromptSegmentor.decode_prompts` takes
                them.
            points: The points and their labels, in the same form.
            masks: Earlier logits in the same form, which all models get.
            multimask_output: Whether to return three masks for each prompt.

        Returns:
            tuple: The mean logits, (n, 1 or 3, 4h, 4w), and the mean predicted
            IoU, (n, 1 or 3).
        """
        members = self.members
        answers = [
            PromptSegmentor.decode_prompts(member, own, boxes, points, masks,
                                           multimask_output)
            for member, own in zip(members, embedding.chunk(len(members), 1),
                                   strict=True)]
        logits, ious = (torch.stack(parts).mean(dim=0)
                        for parts in zip(*answers, strict=True))
        return logits, ious
