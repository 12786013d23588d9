"""Where MLflow keeps curves and pictures."""

import numpy as np
from mmengine.visualization import vis_backend

from mmdbsam.registry import VISBACKENDS


@VISBACKENDS.register_module()
class MLflowVisBackend(vis_backend.MLflowVisBackend):
    """mmengine's backend for MLflow, with pictures as series over steps.

    mmengine's own gives the file of a picture no suffix, which MLflow refuses
    to write.
    """

    @vis_backend.force_init_env
    def add_image(self, name: str, image: np.ndarray, step: int = 0,
                  **kwargs: object) -> None:
        """Log a picture.

        Args:
            name: The series that it belongs to.
            image: uint8 (H, W, 3), RGB.
            step: Its place in the series.
        """
        self._mlflow.log_image(image, key=name, step=step)
