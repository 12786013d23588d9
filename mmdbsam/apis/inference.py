"""One call from a model and an image to masks, as OpenMMLab has it."""

from collections.abc import Sequence
from typing import Any, Optional

from mmdbsam.apis.inferencer import PromptInferencer
from mmdbsam.apis.scans import AnyImage
from mmdbsam.models import PromptSegmentor
from mmdbsam.structures.results import SegmentResult


def inference_model(model: PromptSegmentor,
                    image: AnyImage,
                    boxes: Optional[Sequence] = None,
                    points: Optional[Sequence] = None,
                    point_labels: Optional[Sequence] = None,
                    masks: Any = None) -> SegmentResult:
    """Segment objects in one image.

    Encodes the image anew at each call; a :class:`.PromptInferencer` encodes
    it once for all prompts, and segments volumes.

    Args:
        model: What :func:`.init_model` made.
        image: See :meth:`.PromptInferencer.set_image`.
        boxes: See :meth:`.PromptInferencer.segment`.
        points: See :meth:`.PromptInferencer.segment`.
        point_labels: See :meth:`.PromptInferencer.segment`.
        masks: See :meth:`.PromptInferencer.segment`.

    Raises:
        InputError: As these methods.
    """
    return PromptInferencer(model).set_image(image).segment(
        boxes, points, point_labels, masks)
