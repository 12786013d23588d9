"""The rounds of a training in which clicks correct the model's answers."""

from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData
from torch import Tensor

from mmdbsam.errors import InputError
from mmdbsam.models.heads.sam_prompt_encoder import (
    ABSENT,
    prompt_tokens,
    rough_mask_logits,
)

# Errors deeper than this are equally likely to be clicked anywhere further
# inside. The depth is counted in pixels of the logits.
_DEEPEST = 8

# An edit begins at most so far outside of the object, in pixels of the logits.
# Its radius is at least the second number, and at most so many times the
# radius of a disc of the object's area more.
_EDIT_REACH, _EDIT_LEAST, _EDIT_MOST = 3, 1.5, 0.6


class PromptSet(NamedTuple):
    """Prompts of n objects in one image, ready to be embedded.

    Attributes:
        coordinates: The tokens' x and y in pixels of the input, (n, T, 2).
        labels: The tokens' labels, int64 (n, T), see
            :meth:`.SAMPromptEncoder.embed_tokens`.
        masks: The mask prompts as logits, (n, 1, 4h, 4w), if there are any.
        has_mask: The objects whose mask counts, bool (n,), or None for all.
    """

    coordinates: Tensor
    labels: Tensor
    masks: Optional[Tensor] = None
    has_mask: Optional[Tensor] = None

    @property
    def is_ambiguous(self) -> Tensor:
        """Whether an object is asked for by a single point, bool (n,)."""
        alone = (self.labels >= 0).sum(1) == 1
        return alone if self.has_mask is None else alone & ~self.has_mask

    def refined(self, logits: Tensor,
                click: Optional[Tuple[Tensor, Tensor]]) -> 'PromptSet':
        """The prompts of the next round.

        Args:
            logits: The last answer, (n, 1, 4h, 4w).
            click: The coordinates (n, 1, 2) and labels (n, 1) of a new click,
                if there is one.
        """
        coordinates, labels = self.coordinates, self.labels
        if click is not None:
            coordinates = torch.cat([coordinates, click[0]], dim=1)
            labels = torch.cat([labels, click[1]], dim=1)
        return PromptSet(coordinates, labels, logits)


def prompt_set(prompts: InstanceData, size: Tuple[int, int]) -> PromptSet:
    """Read the prompts of a sample.

    Args:
        prompts: The prompts as :class:`.PromptDataSample` describes them, with
            boxes and perhaps points and rough masks.
        size: The size (4h, 4w) of mask prompts.
    """
    points = None
    if 'points' in prompts:
        kinds = prompts.points[..., 2].long()
        # -1 stands for no click there, and for SAM's padding here.
        points = (prompts.points[..., :2],
                  kinds.masked_fill(kinds < 0, ABSENT))
    coordinates, labels = prompt_tokens(points, prompts.boxes,
                                        prompts.get('has_box'))
    if 'rough_masks' not in prompts:
        return PromptSet(coordinates, labels)
    shares = prompts.rough_masks[:, None].float()
    return PromptSet(coordinates, labels, rough_mask_logits(shares, size),
                     prompts.has_mask)


@torch.no_grad()
def draw_clicks(logits: Tensor, targets: Tensor,
                shape: Tuple[int, int],
                side: int) -> Tuple[Tensor, Tensor]:
    """Draw a click in each answer's error, on the logits' own device.

    A wrong pixel is drawn in proportion to its depth: the number of erosions
    by a square of 3 x 3 that it outlives, counting itself, up to a limit. A
    large error is therefore clicked more often than its pixels alone would
    be, and nearer to its centre, as a person would click it.

    Args:
        logits: The answers, (n, 1, W, W).
        targets: The references, (n, 1, W, W), in 0..1.
        shape: The image's height and width in the padded input.
        side: The side S of the padded input, in pixels.

    Returns:
        tuple: The coordinates, float32 (n, 1, 2), in pixels of the input, and
        the labels, int64 (n, 1): 1 where the answer misses the object, 0 where
        it exceeds it, and absent if it has no error.
    """
    width = logits.shape[-1]
    centres = torch.arange(width, device=logits.device) + 0.5
    rows, columns = (centres < end * width / side for end in shape)
    wanted = targets > 0.5
    wrong = ((logits > 0) != wanted) & (rows[:, None] & columns)
    weights = _depth(wrong)
    # The largest of weight / Exp(1) falls on each pixel in proportion to its
    # weight, and unlike torch.multinomial it is found without waiting.
    noise = torch.empty_like(weights).exponential_()
    place = (weights / noise).flatten(1).argmax(dim=1, keepdim=True)
    pixel = torch.stack([place % width, place // width], dim=-1)
    labels = wanted.flatten(1).gather(1, place).long()
    is_error = wrong.flatten(1).gather(1, place)
    return ((pixel + 0.5) * (side / width) - 0.5,
            labels.masked_fill(~is_error, ABSENT))


@torch.no_grad()
def edit_targets(targets: Tensor, share: float) -> Tensor:
    """Add a disc to some references, or cut one out.

    What an image shows says nothing of the disc, so that the model can only
    learn of it from the clicks. Its centre is anywhere in the object or just
    outside; it is cut out in the first case and added in the second.

    Args:
        targets: The references, (n, 1, W, W), in 0..1.
        share: The share of references that are edited, in 0..1.

    Returns:
        Tensor: The references with edits, (n, 1, W, W).
    """
    n, _, height, width = targets.shape
    wanted = targets > 0.5
    near = F.max_pool2d(wanted.float(), 2 * _EDIT_REACH + 1, stride=1,
                        padding=_EDIT_REACH)
    place = (near * torch.rand_like(near)).flatten(1).argmax(1, keepdim=True)
    rows, columns = (torch.arange(side, device=targets.device)
                     for side in (height, width))
    squared = (((rows - place // width)**2)[:, :, None]
               + ((columns - place % width)**2)[:, None])
    size = (wanted.flatten(1).sum(1) / torch.pi).sqrt()
    radius = (_EDIT_LEAST + _EDIT_MOST * size
              * torch.rand(n, device=targets.device))
    is_edited = torch.rand(n, device=targets.device) < share
    disc = (squared <= radius[:, None, None]**2) & is_edited[:, None, None]
    is_added = ~wanted.flatten(1).gather(1, place)[..., None, None]
    return torch.where(disc[:, None], is_added.to(targets.dtype), targets)


def _depth(wrong: Tensor) -> Tensor:
    """Count the erosions that pixels (n, 1, H, W) outlive, float32."""
    core = wrong.float()
    depth = core.clone()
    for _ in range(_DEEPEST - 1):
        # Nothing lies outside of the image, so that its border erodes too.
        core = -F.max_pool2d(-F.pad(core, (1, 1, 1, 1)), 3, stride=1)
        depth += core
    return depth


def best_of_three(logits: Tensor, targets: Tensor) -> Tensor:
    """Choose the mask for an ambiguous prompt that is nearest to the target.

    Args:
        logits: The logits of the single mask and of the three for ambiguous
            prompts, (n, 4, H, W).
        targets: The references, (n, 1, H, W), in 0..1.

    Returns:
        Tensor: The index of the best of the three by Dice, 1 to 3, int64 (n,).
    """
    with torch.no_grad():
        p = logits[:, 1:].float().sigmoid()
        overlap = (p * targets).sum((-2, -1))
        total = p.square().sum((-2, -1)) + targets.square().sum((-2, -1))
        return 1 + (overlap / total.clamp(min=1e-5)).argmax(dim=1)


class Answer(NamedTuple):
    """What the mask head's losses of one round need.

    Attributes:
        logits: The logits of n answers, (n, 1, 4h, 4w).
        iou: Their predicted IoU, (n, 1).
        targets: Their references, (n, 1, 4h, 4w), in 0..1.
    """

    logits: Tensor
    iou: Tensor
    targets: Tensor


class Refinement:
    """How many rounds follow the first answer, and what they train.

    This is the recipe of Segment Anything (section 3, "training", and appendix
    A). Each round draws a click from the error of the last answer, and decodes
    all prompts so far with the last logits as mask prompt. If there are two
    rounds or more, one of them, drawn at random, has no new click, so that the
    model learns to gain from its own mask. The gradient passes through the
    logits from each round to the one before.

    On few images, a model learns to find the objects and to ignore the clicks.
    With ``edits``, some objects are wanted otherwise than the first answer is
    told, so that it has to follow the clicks. ScribblePrompt (Wong et al.,
    arXiv:2312.07381) mixes real and synthetic labels, too.

    Args:
        rounds: The number of rounds after the first answer.
        edits: The share of objects whose references :func:`edit_targets`
            changes after the first answer, in 0..1.
        box_share: The share of the loss that falls to one more answer, in
            0..1, which is to the box alone of each object, whatever else it is
            prompted by. Boxes lose less by the other prompts with it.
        multimask: Whether the first answer to a single point also trains the
            best of the three masks for ambiguous prompts. The mask head needs
            ``trains_multimask``.
    """

    def __init__(self, rounds: int = 3, multimask: bool = False,
                 edits: float = 0., box_share: float = 0.) -> None:
        for name, share in (('edits', edits), ('box_share', box_share)):
            if not 0 <= share <= 1:
                raise InputError(f'refinement.{name}: expected a share in '
                                 f'0..1, found {share}')
        self.rounds = rounds
        self.edits = edits
        self.box_share = box_share
        self.multimask = multimask

    def answers(self, decode: Callable, prompts: PromptSet, boxes: Tensor,
                targets: Tensor, shape: Tuple[int, int],
                side: int) -> List[Answer]:
        """Decode the prompts of an image in all rounds.

        Args:
            decode: A function that maps a :class:`PromptSet` and the slice of
                the four masks that are wanted to logits and predicted IoU.
            prompts: The prompts of n objects.
            boxes: Their boxes, (n, 4), also of those that are prompted
                otherwise.
            targets: The references, (n, 1, 4h, 4w), in 0..1.
            shape: The image's height and width in the padded input.
            side: The side S of the padded input, in pixels.

        Returns:
            list[Answer]: With ``box_share``, the answer to the boxes; then the
            first answer to the prompts, and that of each round. The first
            answer has twice as many rows with ``multimask``: where a prompt is
            ambiguous, the second half has the best of the three masks, and
            elsewhere the single mask again.
        """
        logits, iou = decode(prompts, slice(0, 4 if self.multimask else 1))
        found = [self._first(logits, iou, targets, prompts)]
        if self.box_share:
            to_boxes = decode(PromptSet(*prompt_tokens(None, boxes)),
                              slice(0, 1))
            found.insert(0, Answer(*to_boxes, targets))
        if self.edits:
            targets = edit_targets(targets, self.edits)
        for has_click in self._clicks():
            logits = logits[:, :1]
            click = (draw_clicks(logits, targets, shape, side) if has_click
                     else None)
            prompts = prompts.refined(logits, click)
            logits, iou = decode(prompts, slice(0, 1))
            found.append(Answer(logits, iou, targets))
        return found

    def mean(self, losses: Sequence[Tensor]) -> Tensor:
        """The mean of a loss over the answers, with the share of the boxes."""
        if not self.box_share:
            return torch.stack([*losses]).mean()
        of_boxes, *others = losses
        return (self.box_share * of_boxes
                + (1 - self.box_share) * torch.stack(others).mean())

    def _first(self, logits: Tensor, iou: Tensor, targets: Tensor,
               prompts: PromptSet) -> Answer:
        if not self.multimask:
            return Answer(logits, iou, targets)
        best = best_of_three(logits, targets)
        chosen = torch.where(prompts.is_ambiguous, best, 0)
        index = chosen[:, None, None, None].expand(-1, 1, *logits.shape[-2:])
        return Answer(
            torch.cat([logits[:, :1], logits.gather(1, index)]),
            torch.cat([iou[:, :1], iou.gather(1, chosen[:, None])]),
            torch.cat([targets, targets]))

    def _clicks(self) -> List[bool]:
        """Draw for each round whether it has a new click."""
        # The CPU's generator is asked, so that nothing waits for a GPU.
        quiet = int(torch.randint(max(self.rounds, 1), ()))
        return [self.rounds < 2 or index != quiet
                for index in range(self.rounds)]
