"""Segments one image in one call, as OpenMMLab's packages do."""

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

    Each call encodes the image anew. A :class:`.PromptInferencer` encodes it
    once for all its prompts, and also segments volumes.

    Args:
        model: A model made by :func:`.init_model`.
        image: See :meth:`.PromptInferencer.set_image`.
        boxes: See :meth:`.PromptInferencer.segment`.
        points: See :meth:`.PromptInferencer.segment`.
        point_labels: See :meth:`.PromptInferencer.segment`.
        masks: See :meth:`.PromptInferencer.segment`.

    Raises:
        InputError: In the same cases as these methods.
    """
    return PromptInferencer(model).set_image(image).segment(
        boxes, points, point_labels, masks)
