"""The backend that writes curves and pictures to MLflow."""

import numpy as np
from mmengine.visualization import vis_backend

from mmdbsam.registry import VISBACKENDS


@VISBACKENDS.register_module()
class MLflowVisBackend(vis_backend.MLflowVisBackend):
    """mmengine's backend for MLflow, with pictures as series over steps.

    mmengine's own backend gives the file of a picture no suffix, and MLflow
    refuses to write such a file.
    """

    @vis_backend.force_init_env
    def add_image(self, name: str, image: np.ndarray, step: int = 0,
                  **kwargs: object) -> None:
        """Log a picture.

        Args:
            name: The name of the series that the picture belongs to.
            image: The picture, RGB uint8 (H, W, 3).
            step: The place of the picture in the series.
        """
        self._mlflow.log_image(image, key=name, step=step)
