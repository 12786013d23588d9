"""The cases of a source, and the options of their preparation."""

from dataclasses import dataclass, field
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.windowing import AnyWindow
from mmdbsam.preparation.label_table import LabelTable


@dataclass(frozen=True)
class LabelFile:
    """A file or folder that labels an image.

    Attributes:
        path: The path of the file or folder.
        name: The name of the one structure that the file shows by any one
            value. None if the file distinguishes its labels itself.
    """

    path: Path
    name: str | None = None


@dataclass(frozen=True)
class SourceCase:
    """One case of a source.

    Attributes:
        name: The name of the case, unique within the source.
        image: The scan; None if only labels of it exist.
        labels: The files that label the scan.
        split: The split that the source assigns to the case.
        group: The group of the case, for example its patient. Cases of one
            group share a split.
        problem: Why the case cannot be prepared, if the source's listing shows
            that.
    """

    name: str
    image: Path | None
    labels: tuple[LabelFile, ...] = ()
    split: str | None = None
    group: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class CaseOptions:
    """How a case is prepared.

    Attributes:
        table: The ids of the labels.
        modality: The modality of the scans, such as ``'CT'`` or ``'MR'``; None
            if it follows from the files' kind.
        windows: The windows that turn intensities into 8 bits: none for the
            modality's default, one, or three for an image of three channels.
        plane: The plane of the slices, a key of :data:`ORIENTATIONS`.
        spacing: The spacing (x, y, z) of the prepared grid, in mm; None keeps
            the scan's.
        min_volume: The number of voxels, in the prepared grid, that a label
            must have in a scan of several slices; smaller labels are removed.
        min_area: The number of pixels that a label must have in a slice; from
            other slices it is removed.
        series: The instance UIDs of the DICOM series to take from folders that
            hold several.
        channel: The index, from 0, of the channel to take where a case has
            several: files of nnU-Net's, or volumes of a 4-D file.

    Raises:
        InputError: If a value is out of its range.
    """

    table: LabelTable = field(default_factory=LabelTable)
    modality: str | None = None
    windows: tuple[AnyWindow, ...] = ()
    plane: str = 'axial'
    spacing: tuple[float, float, float] | None = None
    min_volume: int = 1000
    min_area: int = 100
    series: tuple[str, ...] = ()
    channel: int | None = None

    def __post_init__(self) -> None:
        if len(self.windows) not in (0, 1, 3):
            raise InputError('--window: expected one or three of them, found '
                             f'{len(self.windows)}')
        if self.spacing and not min(self.spacing) > 0:
            raise InputError('--spacing: expected three lengths > 0, found '
                             f'{" ".join(f"{x:g}" for x in self.spacing)}')
        if min(self.min_volume, self.min_area) < 0:
            raise InputError(
                '--min-volume, --min-area: expected numbers >= 0, found '
                f'{self.min_volume} and {self.min_area}')
