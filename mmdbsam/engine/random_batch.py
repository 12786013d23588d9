"""Samples for measurements that need no data."""

import torch
from mmengine.structures import InstanceData

from mmdbsam.structures.prompt_data_sample import PromptDataSample


def random_batch(size: int, batch_size: int, prompts: int) -> dict:
    """Make a random batch like those of the data loader.

    Args:
        size: Side of the square images, in pixels.
        batch_size: Number of images.
        prompts: Number of boxes and of masks for each image.

    Returns:
        dict: The ``inputs`` and ``data_samples`` for the data preprocessor.
    """
    samples = []
    for _ in range(batch_size):
        corners = torch.randint(0, size // 2, (prompts, 2))
        boxes = torch.cat([corners, corners + size // 3], dim=1).float()
        masks = torch.randint(0, 2, (prompts, size, size), dtype=torch.uint8)
        samples.append(PromptDataSample(
            metainfo=dict(img_shape=(size, size), ori_shape=(size, size)),
            prompts=InstanceData(boxes=boxes),
            gt_instances=InstanceData(masks=masks)))
    images = torch.randint(0, 256, (batch_size, 3, size, size),
                           dtype=torch.uint8)
    return dict(inputs=list(images), data_samples=samples)
