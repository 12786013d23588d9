"""Pictures of the predictions while a model is validated or tested."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement, InstanceData

from mmdbsam.datasets import SliceDataset
from mmdbsam.io.prepared import PreparedCase
from mmdbsam.registry import HOOKS
from mmdbsam.structures.prompt_data_sample import PromptDataSample


@HOOKS.register_module()
class PromptVisualizationHook(Hook):
    """Draw slices with their prompts, the reference and the prediction.

    This is the counterpart of mmseg's ``SegVisualizationHook``. The pictures
    go to the ``vis_backends`` of the Runner's visualizer: by default to the
    folder ``vis_data/vis_image`` of the run, with TensorBoard's backend to its
    event file, and so on. Every validation shows the same slices, each under a
    name of its own, so that one can watch the predictions change. Of a model
    without prompts, they show the classes; slices without any are left out.

    Args:
        draw: Whether anything is drawn.
        interval: The number of batches from one that is drawn to the next; the
            first batch is always drawn.
        show_dir: A folder that the pictures of a test are written to as PNG,
            instead of the backends. Without it, a distributed run draws only
            the slices of its main process.
    """

    def __init__(self,
                 draw: bool = False,
                 interval: int = 50,
                 show_dir: Optional[str] = None) -> None:
        self.draw = draw
        self.interval = interval
        self.show_dir = show_dir

    def after_val_iter(self, runner: Runner, batch_idx: int,
                       data_batch: Optional[dict] = None,
                       outputs: Sequence[PromptDataSample] = ()) -> None:
        """Draw the batch at the iteration that the training has reached."""
        if self._is_drawn(batch_idx) and is_main_process():
            for sample in outputs:
                self._draw(runner, runner.val_dataloader.dataset, sample,
                           f'val_{_slice_name(sample)}', step=runner.iter)

    def after_test_iter(self, runner: Runner, batch_idx: int,
                        data_batch: Optional[dict] = None,
                        outputs: Sequence[PromptDataSample] = ()) -> None:
        """Draw the batch, to the folder if there is one."""
        if self._is_drawn(batch_idx) and (self.show_dir or is_main_process()):
            for sample in outputs:
                name = f'test_{_slice_name(sample)}'
                self._draw(runner, runner.test_dataloader.dataset, sample,
                           name, out_file=self.show_dir and Path(
                               self.show_dir, f'{name}.png'))

    def _is_drawn(self, batch_idx: int) -> bool:
        return self.draw and batch_idx % self.interval == 0

    def _draw(self, runner: Runner, dataset: SliceDataset,
              sample: BaseDataElement, name: str, **where: object) -> None:
        data = next(data for data in dataset.tasks
                    if data.name == sample.task)
        case, index = data.case(sample.case), sample.slice_index
        if not isinstance(sample, PromptDataSample):
            sample = _as_prompted(sample, case, dataset.class_ids)
            if not len(sample.prompts):
                return
        # The references that a sample may have are on the grid of the model's
        # input, and the picture needs those of the slice.
        references = [
            torch.from_numpy(case.mask(label_id, index, index + 1)[0])
            for label_id in sample.prompts.labels.tolist()]
        shown = PromptDataSample(
            metainfo=sample.metainfo, prompts=sample.prompts,
            gt_instances=InstanceData(masks=torch.stack(references)),
            pred_instances=sample.pred_instances)
        runner.visualizer.add_datasample(
            name, case.image()[index], shown, label_names=data.labels, **where)


def _as_prompted(sample: BaseDataElement, case: PreparedCase,
                 class_ids: Sequence[int]) -> PromptDataSample:
    """The classes of a slice, shown or predicted, as objects without prompts.
    """
    classes = sample.pred_sem_seg.data.reshape(sample.ori_shape)
    index = sample.slice_index
    masks = {label_id: classes == place
             for place, label_id in enumerate(class_ids, start=1)}
    ids = [label_id for label_id, mask in masks.items() if mask.any()
           or case.mask(label_id, index, index + 1).any()]
    shown = PromptDataSample(metainfo=dict(sample.metainfo, prompt='none'))
    shown.prompts = InstanceData(labels=torch.tensor(ids, dtype=torch.int64))
    if ids:
        shown.pred_instances = InstanceData(
            masks=torch.stack([masks[label_id] for label_id in ids]))
    return shown


def _slice_name(sample: BaseDataElement) -> str:
    # Data sets may have any names, and not all are possible names of files.
    return re.sub(r'[^\w.-]', '_', f'{sample.task}_{sample.case}_slice'
                  f'{sample.slice_index:04d}')
