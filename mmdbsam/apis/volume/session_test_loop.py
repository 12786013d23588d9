"""The loop that tests a model by sessions in three dimensions."""

from collections.abc import Iterator
from typing import Dict, List, Tuple

import numpy as np
import torch
from mmengine.dist import get_world_size
from mmengine.evaluator import Evaluator
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner, TestLoop
from mmengine.structures import InstanceData
from mmengine.utils import track_iter_progress
from torch.utils.data import DataLoader

from mmdbsam.apis.image_model import ImageModel
from mmdbsam.apis.preprocessing import Preprocessor
from mmdbsam.apis.scans import Scan
from mmdbsam.apis.volume.prompts import SeedPoint, VolumeBox
from mmdbsam.apis.volume.propagation import PropagationRule
from mmdbsam.apis.volume.session import VolumeSession
from mmdbsam.apis.volume.session_state import SessionState
from mmdbsam.engine.click_simulation import next_click
from mmdbsam.errors import InputError
from mmdbsam.evaluation import VolumeMetric
from mmdbsam.evaluation.label_volume import Target
from mmdbsam.geometry.boxes import bounding_box
from mmdbsam.io.windowing import Window
from mmdbsam.registry import LOOPS
from mmdbsam.structures.packed_mask import PackedMask
from mmdbsam.structures.prompt_data_sample import PromptDataSample

# The mask of each slice that shows an object.
Masks = Dict[int, PackedMask]
# It leaves prepared grey values as they are.
_WHOLE_RANGE = Window(level=127.5, width=255)


@LOOPS.register_module()
class VolumeClickTestLoop(TestLoop):
    """mmengine's test loop, with a session for each label of each block.

    A session begins with a click in the centre of the label, or with the 3-D
    box around it. Each further click goes to the slice and the place of the
    centre of the largest error of the volume. A :class:`.VolumeSession`
    answers it and follows the object from there. All labels that the evaluator
    scores are prompted.

    Args:
        runner: See mmengine's ``TestLoop``.
        dataloader: See mmengine's ``TestLoop``; only its data sets are used.
        evaluator: See mmengine's ``TestLoop``.
        fp16: Whether to test in mixed precision.
        clicks: The number of clicks.
        has_box: Whether a 3-D box comes before the clicks.

    Raises:
        InputError: If the test is distributed.
    """

    def __init__(self, runner: Runner, dataloader: DataLoader | dict,
                 evaluator: Evaluator | dict | list, fp16: bool = False,
                 clicks: int = 5, has_box: bool = False) -> None:
        super().__init__(runner, dataloader, evaluator, fp16)
        if get_world_size() > 1:
            raise InputError('--prompt interactive3d: expected one process, '
                             f'found {get_world_size()}')
        self.clicks = clicks
        self.has_box = has_box

    def run(self) -> Dict[str, float]:
        """Test, and return the scores."""
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        self.runner.model.eval()
        model = self.runner.model
        model = model.module if is_model_wrapper(model) else model
        image_model = ImageModel(
            model, Preprocessor(self.runner.cfg, model.data_preprocessor),
            'force' if self.fp16 else None)
        blocks = list(self._blocks())
        count = 0
        for task, targets in track_iter_progress(blocks):
            for sample in self._samples(image_model, task, targets):
                self.evaluator.process(data_samples=[sample])
                count += 1
        metrics = self.evaluator.evaluate(count)
        self.runner.call_hook('after_test_epoch', metrics=metrics)
        self.runner.call_hook('after_test')
        return metrics

    def _blocks(self) -> Iterator[Tuple[str, List[Target]]]:
        """Yield what is scored in each block, with the task's name."""
        for metric in self.evaluator.metrics:
            for one in ([metric] if isinstance(metric, VolumeMetric)
                        else metric.metrics.values()):
                blocks: Dict[Tuple[str, int], List[Target]] = {}
                for target in one.targets:
                    blocks.setdefault((target.case.name, target.start),
                                      []).append(target)
                for targets in blocks.values():
                    yield one.data.name, targets

    def _samples(self, model: ImageModel, task: str, targets: List[Target]
                 ) -> Iterator[PromptDataSample]:
        """Yield a sample for each slice of a block, after all sessions."""
        first = targets[0]
        case, start, stop = first.case, first.start, first.stop
        values = np.asarray(case.image()[start:stop])
        scan = Scan(values, dict(
            size=list(values.shape[2:0:-1]) + [len(values)],
            spacing=list(case.spacing[::-1]), origin=[0., 0., 0.],
            direction=[1., 0., 0., 0., 1., 0., 0., 0., 1.]), True, None,
            case.name)
        session = VolumeSession(model, scan, SessionState(
            'axial', 'px', [_WHOLE_RANGE], PropagationRule(), []))
        played = [play_session(
            session, case.mask(target.label_id, start, stop), case.spacing,
            self.clicks, self.has_box) for target in targets]
        turns = list(range(0 if self.has_box else 1, self.clicks + 1))
        box = 'a 3-D box and ' if self.has_box else ''
        about = dict(
            task=task, case=case.name, block=(start, stop), turns=turns,
            prompt=f'{box}{self.clicks} click{"s" * (self.clicks > 1)} a '
            'label and block, each in the centre of the largest error')
        labels = torch.tensor([target.label_id for target in targets])
        for z in range(stop - start):
            masks = torch.zeros(len(targets), len(turns), *values.shape[1:3],
                                dtype=torch.bool)
            for own, (states, _) in zip(masks.numpy(), played, strict=True):
                for mask, shown in zip(own, states, strict=True):
                    if z in shown:
                        shown[z].paste(mask, (0, 0))
            yield PromptDataSample(
                metainfo=dict(about, slice_index=start + z),
                prompts=InstanceData(labels=labels, points=torch.from_numpy(
                    np.stack([_on_slice(clicks, z) for _, clicks in played]))),
                pred_instances=InstanceData(masks=masks[:, -1], turns=masks)
            ).to_dict()


def play_session(session: VolumeSession, reference: np.ndarray,
                 spacing: Tuple[float, float, float], clicks: int,
                 has_box: bool) -> Tuple[List[Masks], np.ndarray]:
    """Prompt an object as a user would who knows what it should be.

    Args:
        session: The session, to which the object is added and from which it
            is removed in the end.
        reference: The object, bool (D, H, W), not empty.
        spacing: The spacing along its axes, in mm.
        clicks: The number of clicks.
        has_box: Whether the box around the object comes before them.

    Returns:
        tuple: The masks of the slices after each prompt, and the clicks,
        float64 (clicks, 4): x, y, z, and 1 on the object, 0 on its background
        or -1 for none, as there was no error.
    """
    one = session.add_object()
    masks: List[Masks] = []
    made = np.full((clicks, 4), -1.)

    def keep() -> None:
        masks.append({z: state.mask for z, state
                      in session.objects[one].slices.items()})

    if has_box:
        where = bounding_box(reference)[::-1]
        session.correct(one, VolumeBox([*(part.start for part in where),
                                        *(part.stop - 1 for part in where)]))
        keep()
    for count in range(clicks):
        click = next_click(reference, session.mask(one), spacing)
        if click is not None:
            x, y, z, kind = made[count] = click
            session.correct(one, SeedPoint(z, [x, y], [kind]))
        keep()
    session.remove_object(one)
    return masks, made


def _on_slice(clicks: np.ndarray, z: int) -> np.ndarray:
    """Take the clicks (n, 3) on a slice; others become placeholders."""
    shown = clicks[:, [0, 1, 3]].copy()
    shown[clicks[:, 2] != z, 2] = -1
    return shown
