"""Segments volumes without prompts."""

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Deque, List, Optional, Tuple, Union

import numpy as np
import SimpleITK as sitk
from mmengine.config import Config
from rich.progress import track

from mmdbsam.apis.known_embeddings import KnownEmbeddings
from mmdbsam.apis.model_zoo import init_model
from mmdbsam.apis.preprocessing import Preprocessor
from mmdbsam.apis.scans import AnyImage, Scan, load_scan
from mmdbsam.apis.semantic_model import SemanticModel
from mmdbsam.apis.volume.class_volume import ClassVolume
from mmdbsam.apis.volume.masks import clean_up, on_grid_of
from mmdbsam.apis.volume.workers import SliceWorkers, worker_count
from mmdbsam.engine.config import load_named
from mmdbsam.engine.semantic_config import is_semantic
from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import ORIENTATIONS, resample, set_geometry
from mmdbsam.geometry.planes import SlicePlane
from mmdbsam.io.windowing import Window
from mmdbsam.structures.results import VolumeResult, VolumeTiming


class SemanticInferencer:
    """Finds the structures of a volume that a model was trained for.

    Args:
        config: A config with ``classes``, given by its path, by its name in
            the model zoo, such as ``'dbsam_tinyvit_uper_ct'``, or as a
            ``Config``.
        checkpoint: The checkpoint of its training, which names the classes.
        device: A torch device, or ``'auto'`` for the best one available.
        amp: See :class:`.PromptInferencer`.

    Attributes:
        model (SemanticModel): The model.
        classes (list[str]): The names of the structures; the first has the id
            1 in results.

    Raises:
        InputError: If the config or the checkpoint are missing or do not fit
            each other, or if the config's model needs prompts.
    """

    def __init__(self,
                 config: Union[str, Path, Config],
                 checkpoint: Union[str, Path, None],
                 device: str = 'auto',
                 amp: Union[bool, str, None] = None) -> None:
        cfg = load_named(config)
        if not is_semantic(cfg):
            raise InputError('config: expected a model that segments without '
                             'prompts, found one with prompts; use '
                             'PromptInferencer')
        model = init_model(cfg, checkpoint, device)
        self.classes: List[str] = list(model.cfg.classes)
        self.model = SemanticModel(
            model, Preprocessor(model.cfg, model.data_preprocessor), amp)

    def segment_volume(self,
                       volume: AnyImage,
                       axes: str = 'axial',
                       spacing: Optional[Sequence[float]] = None,
                       window: Union[str, Sequence, None] = None,
                       channel: Optional[int] = None,
                       isotropic: Optional[float] = None,
                       largest_component: bool = False,
                       fill_holes: bool = False,
                       probabilities: bool = False,
                       known: Optional[KnownEmbeddings] = None,
                       progress: bool = False) -> VolumeResult:
        """Find all structures in a volume, slice by slice.

        Args:
            volume: A path, an array (D, H, W), or a SimpleITK image.
            axes: The plane of the slices, or ``'all'``, which averages the
                probabilities of the three planes.
            spacing: The voxel spacing of an array, (x, y, z) in mm.
            window: See :meth:`.PromptInferencer.set_image`.
            channel: See :meth:`.PromptInferencer.set_image`.
            isotropic: See :meth:`.PromptInferencer.segment_volume`.
            largest_component: Whether to keep only each structure's largest
                component.
            fill_holes: Whether to fill the holes that each structure encloses.
            probabilities: Whether the result has the probabilities, which are
                those before the last two options.
            known: Where to keep the embeddings of slices for a promptable
                model with the same encoder.
            progress: Whether to show a progress bar.

        Returns:
            VolumeResult: The masks of all classes on the volume's own grid;
            those of structures that were not found are empty.

        Raises:
            InputError: If the volume cannot be read or is not of the model's
                modality, or an option is unknown.
        """
        if axes not in (*ORIENTATIONS, 'all'):
            raise InputError(f'axes: expected {", ".join(ORIENTATIONS)} or '
                             f'all, found {axes!r}')
        scan = load_scan(volume, spacing, channel)
        if window is None:
            _check_values(scan, self.model.preprocess.modality)
        windows = self.model.preprocess.windows_of(scan, window)
        working = scan if isotropic is None else scan.resampled(isotropic)
        start = time.perf_counter()
        found = ClassVolume(
            1 + len(self.classes), working.values.shape[:3],
            keeps_probabilities=probabilities or axes == 'all')
        self.model.known = known
        planes = ORIENTATIONS if axes == 'all' else [axes]
        workers = max(self._segment(working, windows, plane, found, progress)
                      for plane in planes)
        labels = found.labels()
        masks = [clean_up(on_grid_of(scan, labels == place, working),
                          largest_component, fill_holes)
                 for place in range(1, 1 + len(self.classes))]
        return VolumeResult(
            masks, list(range(1, 1 + len(self.classes))), self.classes,
            found.confidence(), scan.geometry,
            VolumeTiming(found.slices, time.perf_counter() - start, workers),
            _on_grid_of(scan, found.probabilities(), working)
            if probabilities else None)

    def _segment(self, scan: Scan, windows: Sequence[Window], plane: str,
                 found: ClassVolume, progress: bool) -> int:
        """Segment the slices of a plane; return the number side by side."""
        view = SlicePlane(scan.geometry, plane)
        slices = view.slices(scan.values)
        count = worker_count(self.model, len(slices))
        begun: Deque[Tuple[int, Future]] = deque()
        with SliceWorkers(count) as workers:
            for index in track(range(len(slices)), 'slices',
                               disable=not progress):
                begun.append((index, workers.submit(
                    self._predict, slices, index, windows)))
                # No more than these wait in memory.
                while begun and (len(begun) >= count
                                 or index + 1 == len(slices)):
                    first, predicted = begun.popleft()
                    found.add(view, first, predicted.result())
        return count

    def _predict(self, slices: np.ndarray, index: int,
                 windows: Sequence[Window]) -> np.ndarray:
        found, = self.model.predict([self.model.image(slices, index,
                                                      windows)])
        return found


def _check_values(scan: Scan, modality: Optional[str]) -> None:
    """Refuse a scan that cannot be CT for a model of CT.

    Files other than DICOM do not say what they show. In Hounsfield units, air
    and fat are below 0, and both are in every scan of a body.
    """
    if modality != 'CT' or scan.values.dtype == np.uint8:
        return
    low, high = scan.values.min(), scan.values.max()
    if low >= 0:
        raise InputError(
            f'{scan.name}: expected CT in Hounsfield units, which the model '
            f'was trained on, found values of {low:g} to {high:g}, none below '
            '0; if it is CT all the same, give its --window')


def _on_grid_of(scan: Scan, probabilities: np.ndarray, working: Scan
                ) -> np.ndarray:
    """Bring probabilities to the grid of a scan, by linear interpolation."""
    if working is scan:
        return probabilities
    return np.stack([resample(
        set_geometry(sitk.GetImageFromArray(one.astype(np.float32)),
                     working.geometry),
        scan.geometry, sitk.sitkLinear).astype(np.float16)
        for one in probabilities])
