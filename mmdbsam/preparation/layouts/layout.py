"""What a layout does, and how the right one is found."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from mmdbsam.io.label_readers import LabelReaders
from mmdbsam.io.readers import Readers
from mmdbsam.preparation.cases import SourceCase


@dataclass(frozen=True)
class LayoutOptions:
    """What a layout needs to know beside the source.

    Attributes:
        readers: Of images.
        label_readers: Of labels.
        channel: The channel to take of nnU-Net's cases that have several.
        absolute_paths: Whether paths in a table may leave its folder.
    """

    readers: Readers
    label_readers: LabelReaders
    channel: int | None = None
    absolute_paths: bool = False


class Layout(ABC):
    """Finds the cases of one kind of source.

    Attributes:
        form: What such a source looks like, for messages.
    """

    form = ''

    @staticmethod
    @abstractmethod
    def matches(source: Path) -> bool:
        """Whether a source looks like one of this kind."""

    @abstractmethod
    def cases(self, source: Path, options: LayoutOptions) -> list[SourceCase]:
        """Its cases, in the order of their names.

        Raises:
            InputError: If the source as a whole cannot be understood; what is
                wrong with a single case is noted with the case.
        """

    def label_names(self, source: Path) -> dict[int, str]:
        """Value to name, as far as the source names its labels.

        Raises:
            InputError: If they are not of their format.
        """
        return {}
