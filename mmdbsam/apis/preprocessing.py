"""Turns slices into the model's input, as in training and testing."""

from collections.abc import Iterable
from typing import Any, List, Optional, Tuple

import numpy as np
from mmcv.transforms import Compose
from mmengine.config import Config
from torch import Tensor, nn

from mmdbsam.apis.scans import Scan
from mmdbsam.datasets.transforms.formatting import image_tensor
from mmdbsam.errors import InputError
from mmdbsam.io.windowing import Window, as_windows, fit_windows
from mmdbsam.registry import TRANSFORMS

# The steps of a pipeline that read a prepared slice, prompt its labels, and
# pack the sample: inference has the slice and the prompts already.
_OF_SAMPLES = ('LoadSlice', 'BoxPromptsFromMask', 'PackPromptSample',
               'PackSemanticSample')


class Preprocessor:
    """Prepares slices exactly as they are prepared for a test.

    It does the work of ``mmdbsam prepare``, of the test pipeline, and of the
    model's data preprocessor.

    Args:
        cfg: The config. Its ``modality``, such as ``'CT'``, says what the
            model was trained on; without it, each image's file says what it
            shows. Its ``window`` is the one given to
            ``mmdbsam prepare --window``.
        data_preprocessor: The data preprocessor of the model.
    """

    def __init__(self, cfg: Config, data_preprocessor: nn.Module) -> None:
        self.modality: Optional[str] = cfg.get('modality')
        self.windows = as_windows(cfg.get('window'))
        self.data_preprocessor = data_preprocessor
        self.transforms = Compose([
            TRANSFORMS.build(step)
            for step in cfg.test_dataloader.dataset.pipeline
            if step['type'] not in _OF_SAMPLES])

    def windows_of(self, scan: Scan, window: Any = None) -> List[Window]:
        """Choose the grey-value windows of a scan.

        Args:
            scan: The scan.
            window: A window as :func:`.as_windows` takes it; None takes the
                config's.

        Raises:
            InputError: If the scan is RGB and the config's modality is not,
                or no window fits.
        """
        if scan.values.ndim == 4 and self.modality not in (None, 'picture'):
            raise InputError(
                f'{scan.name}: expected one value a pixel for a model of '
                f"{self.modality} images (the config's modality), found RGB")
        try:
            return fit_windows(scan.values, self.modality or scan.modality,
                               as_windows(window) or self.windows)
        except InputError as error:
            raise InputError(f'{scan.name}: {error}') from error

    def resized_shape(self, image: np.ndarray) -> Tuple[int, int]:
        """The (height, width) of an image in the input, without padding."""
        return self._transformed(image)['img_shape']

    def _transformed(self, image: np.ndarray) -> dict:
        return self.transforms(dict(img=image, boxes=np.zeros((0, 4))))

    def __call__(self, slices: Iterable[np.ndarray]
                 ) -> Tuple[Tensor, Tuple[int, int]]:
        """Make the model's input.

        Args:
            slices: Slices of one size, each uint8 (H, W) or (H, W, 3).

        Returns:
            tuple: The input, (B, 3, S, S), on the model's device, and the
            (height, width) of the images in it without padding.
        """
        resized = [self._transformed(image) for image in slices]
        data = dict(inputs=[image_tensor(one['img']) for one in resized],
                    data_samples=[])
        return (self.data_preprocessor(data)['inputs'],
                resized[0]['img_shape'])
