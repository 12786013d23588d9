"""The visualizer that mmengine's Runner draws and logs with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.visualization import Visualizer

from mmdbsam.errors import InputError
from mmdbsam.io.atomic import staged_file
from mmdbsam.registry import VISUALIZERS
from mmdbsam.structures.prompt_data_sample import PromptDataSample
from mmdbsam.visualization.contact_sheet import (
    Tile,
    draw_contact_sheet,
    draw_prompts,
)

_SIDE = 512


@VISUALIZERS.register_module()
class PromptVisualizer(Visualizer):
    """mmengine's visualizer, extended to draw prompted slices.

    It takes the same arguments as mmengine's ``Visualizer``; ``vis_backends``
    lists where configs, curves and pictures go.
    """

    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Write the config to all backends, which starts them.

        Raises:
            InputError: If the package that a backend needs is not installed.
        """
        try:
            super().add_config(config, **kwargs)
        except ImportError as error:
            raise InputError(f'visualizer.vis_backends: {error}') from error

    def add_datasample(self,
                       name: str,
                       image: np.ndarray,
                       data_sample: PromptDataSample,
                       draw_gt: bool = True,
                       draw_pred: bool = True,
                       show: bool = False,
                       wait_time: float = 0,
                       out_file: Optional[Path] = None,
                       step: int = 0,
                       label_names: Optional[Mapping[int, str]] = None
                       ) -> None:
        """Draw a slice with its prompts, side by side with each set of masks.

        Only the first draw is shown of labels that were prompted several
        times.

        Args:
            name: The name of the picture in the backends.
            image: The original slice, uint8 (H, W), or (H, W, 3) for RGB.
            data_sample: The sample of the slice. Its ``prompts`` have
                ``labels``, and ``ori_boxes`` or ``points``; the masks of its
                ``gt_instances`` and ``pred_instances`` are on the grid of the
                slice, (K, H, W).
            draw_gt: Whether the reference is drawn, if there is one.
            draw_pred: Whether the prediction is drawn, if there is one.
            show: Whether the picture is opened in a window.
            wait_time: The time after which the window closes, in seconds; with
                0 it waits for a key.
            out_file: A PNG or JPEG file that the picture is written to,
                instead of the backends.
            step: The iteration at which the backends log the picture.
            label_names: The names of labels by their ids. Without them, the
                ids are shown.
        """
        picture = _draw(image, data_sample, draw_gt, draw_pred,
                        label_names or {})
        if show:
            self.show(picture, win_name=name, wait_time=wait_time)
        if out_file is None:
            self.add_image(name, picture, step)
        else:
            out_file.parent.mkdir(parents=True, exist_ok=True)
            with staged_file(out_file) as partial:
                # OpenCV does not say that a disk is full.
                partial.write_bytes(cv2.imencode(
                    out_file.suffix, picture[..., ::-1])[1].tobytes())


def _draw(image: np.ndarray, sample: PromptDataSample, draw_gt: bool,
          draw_pred: bool, label_names: Mapping[int, str]) -> np.ndarray:
    """Draw the picture, RGB uint8 (h, w, 3)."""
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    prompts = sample.prompts.cpu().numpy()
    first = (prompts.draws == 0 if 'draws' in prompts
             else np.ones(len(prompts), bool))
    prompts = prompts[first]
    ids = prompts.labels.tolist()
    boxes = prompts.get('ori_boxes', np.full((len(ids), 4), np.nan))
    points = [given[given[:, 2] >= 0] for given in
              prompts.get('points', np.zeros((len(ids), 0, 3)))]
    labels = [(i, label_names.get(i, f'label {i}')) for i in ids]
    masks = {title: sample.get(field).masks.cpu().numpy()[first]
             for title, field, wanted in (
                 ('reference', 'gt_instances', draw_gt),
                 ('prediction', 'pred_instances', draw_pred))
             if wanted and field in sample}
    tiles = [Tile(draw_prompts(image, boxes, ids, shown, points, _SIDE),
                  title, labels)
             for title, shown in (masks or {'prompts': None}).items()]
    return draw_contact_sheet(
        tiles, f'{sample.case}, slice {sample.slice_index}',
        f'{sample.task}: {sample.prompt}')
