"""What a source holds, and what is asked of its preparation."""

from dataclasses import dataclass, field
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.windowing import AnyWindow
from mmdbsam.preparation.label_table import LabelTable


@dataclass(frozen=True)
class LabelFile:
    """A file or folder that labels an image.

    Attributes:
        path: Where it lies.
        name: Of the one structure that it shows wherever it is not 0. None if
            it tells its labels apart itself.
    """

    path: Path
    name: str | None = None


@dataclass(frozen=True)
class SourceCase:
    """One case of a source.

    Attributes:
        name: Unique within the source.
        image: The scan; None if there are only labels of it.
        labels: The files that label it.
        split: The split that the source gives it to.
        group: Cases of one group, as those of a patient, share a split.
        problem: Why it cannot be prepared, found in the source's listing.
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
        modality: What the scans are, as ``'CT'`` or ``'MR'``; None if that
            follows from the files' kind.
        windows: How intensities become 8 bits: none for the modality's own,
            one, or three for an image of three channels.
        plane: Of the slices, a key of :data:`.grids.ORIENTATIONS`.
        spacing: Of the prepared grid's (x, y, z), in mm; None keeps the
            scan's.
        min_volume: Voxels that a label must have in a scan of several slices,
            in the prepared grid; it is taken out else.
        min_area: Pixels that it must have in a slice; likewise.
        series: Instance UIDs of the DICOM series to take from folders that
            hold several.
        channel: Which one of several to take: of nnU-Net's files of a case,
            or of the volumes of a 4-D file; from 0.

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
