"""The loop that tests a model by simulated clicks."""

from typing import Sequence

import torch
from mmengine.model import is_model_wrapper
from mmengine.runner import TestLoop
from mmengine.runner.amp import autocast

from mmdbsam.engine.click_simulation import predict_clicks
from mmdbsam.registry import LOOPS


@LOOPS.register_module()
class ClickTestLoop(TestLoop):
    """mmengine's test loop, in which clicks answer the model's errors.

    Each click depends on the mask that the clicks before it gave, and on the
    reference, which the model itself must not see. The loop therefore encodes
    the images and decodes the clicks instead of asking for predictions. The
    samples come from a pipeline with ``ClickPromptsFromMask``.
    """

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Sequence[dict]) -> None:
        """Predict a batch and hand it to the evaluator."""
        self.runner.call_hook('before_test_iter', batch_idx=idx,
                              data_batch=data_batch)
        model = self.runner.model
        if is_model_wrapper(model):
            model = model.module
        with autocast(enabled=self.fp16):
            outputs = predict_clicks(
                model, **model.data_preprocessor(data_batch, False))
        self.evaluator.process(data_samples=outputs, data_batch=data_batch)
        self.runner.call_hook('after_test_iter', batch_idx=idx,
                              data_batch=data_batch, outputs=outputs)
