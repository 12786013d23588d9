"""Formats the values of a score, and says which of them are better."""

from dataclasses import dataclass
from typing import Dict

import numpy as np


@dataclass(frozen=True)
class ScoreFormat:
    """A score as the protocol of a report describes it.

    Attributes:
        name: The score's name.
        title: The score's name in full.
        unit: '%' for fractions, or the unit of distances.
        ideal: The best value; a value is better the nearer it is to this.
        of: The kind of image that has one value, 'volumes' or 'slices'.
        tolerance: The tolerance with its unit; empty for scores without one.
    """

    name: str
    title: str
    unit: str
    ideal: float
    of: str
    tolerance: str = ''

    @property
    def factor(self) -> float:
        """The factor by which a value is multiplied for print."""
        return 100 if self.unit == '%' else 1

    @property
    def difference_unit(self) -> str:
        """The unit of a printed difference."""
        return 'points' if self.unit == '%' else self.unit

    @property
    def higher_is_better(self) -> bool:
        """Whether higher values of :meth:`comparable` are better."""
        return self.ideal > 0

    @property
    def heading(self) -> str:
        """The name with its tolerance and unit."""
        at = f' at {self.tolerance}' if self.tolerance else ''
        return f'{self.name}{at} ({self.unit})'

    @property
    def description(self) -> str:
        """A line that explains the score to a reader."""
        at = f', tolerance {self.tolerance}' if self.tolerance else ''
        return f'{self.title}{at}, of {self.of}; ideal {self.ideal:g}'

    def text(self, value: float) -> str:
        """Format a value without its unit."""
        return f'{self.factor * value:.2f}'

    def signed(self, value: float) -> str:
        """Format a difference without its unit."""
        return f'{self.factor * value:+.2f}'

    def comparable(self, values: np.ndarray) -> np.ndarray:
        """Make values of which either the higher or the lower are better.

        Values of scores whose ideal is 0 lose their sign.
        """
        return values if self.higher_is_better else np.abs(values)


def score_formats(protocol: dict) -> Dict[str, ScoreFormat]:
    """Make the formats of the scores in a report's protocol, by name."""
    tolerance = f'{protocol["tolerance"]:g} {protocol["unit"]}'
    return {name: ScoreFormat(name, **score,
                              tolerance=tolerance if name.startswith('NSD')
                              else '')
            for name, score in protocol['scores'].items()}
