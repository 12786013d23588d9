"""The interface of layouts."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from mmdbsam.io.label_readers import LabelReaders
from mmdbsam.io.readers import Readers
from mmdbsam.preparation.cases import SourceCase


@dataclass(frozen=True)
class LayoutOptions:
    """What a layout needs to know besides the source.

    Attributes:
        readers: The readers of images.
        label_readers: The readers of labels.
        channel: The channel to take from nnU-Net's cases that have several.
        absolute_paths: Whether paths in a table may leave its folder.
    """

    readers: Readers
    label_readers: LabelReaders
    channel: int | None = None
    absolute_paths: bool = False


class Layout(ABC):
    """Finds the cases of one kind of source.

    Attributes:
        form: A description of these sources, for messages.
    """

    form = ''

    @staticmethod
    @abstractmethod
    def matches(source: Path) -> bool:
        """Whether a source looks like one of this kind."""

    @abstractmethod
    def cases(self, source: Path, options: LayoutOptions) -> list[SourceCase]:
        """The cases of a source, in the order of their names.

        Raises:
            InputError: If the source as a whole cannot be understood. What is
                wrong with a single case is noted in its ``problem``.
        """

    def label_names(self, source: Path) -> dict[int, str]:
        """The labels' names by value, as far as the source gives them.

        Raises:
            InputError: If the file of the names has another format.
        """
        return {}
