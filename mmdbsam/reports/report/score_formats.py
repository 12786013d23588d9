"""How the values of a score are printed, and which of them are better."""

from dataclasses import dataclass
from typing import Dict

import numpy as np


@dataclass(frozen=True)
class ScoreFormat:
    """A score as the protocol of a report describes it.

    Attributes:
        name: Its name.
        title: What that stands for.
        unit: '%' for fractions, or that of distances.
        ideal: The best value; what is nearer to it is better.
        of: What one value is of, 'volumes' or 'slices'.
        tolerance: With its unit, or empty for scores without one.
    """

    name: str
    title: str
    unit: str
    ideal: float
    of: str
    tolerance: str = ''

    @property
    def factor(self) -> float:
        """From a value to what is printed."""
        return 100 if self.unit == '%' else 1

    @property
    def difference_unit(self) -> str:
        """What a printed difference is in."""
        return 'points' if self.unit == '%' else self.unit

    @property
    def higher_is_better(self) -> bool:
        """Of what :meth:`comparable` returns."""
        return self.ideal > 0

    @property
    def heading(self) -> str:
        """The name with tolerance and unit."""
        at = f' at {self.tolerance}' if self.tolerance else ''
        return f'{self.name}{at} ({self.unit})'

    @property
    def description(self) -> str:
        """One line for a reader."""
        at = f', tolerance {self.tolerance}' if self.tolerance else ''
        return f'{self.title}{at}, of {self.of}; ideal {self.ideal:g}'

    def text(self, value: float) -> str:
        """A value without its unit."""
        return f'{self.factor * value:.2f}'

    def signed(self, value: float) -> str:
        """A difference without its unit."""
        return f'{self.factor * value:+.2f}'

    def comparable(self, values: np.ndarray) -> np.ndarray:
        """Values of which the higher or the lower are better throughout.

        Signed ones, whose ideal is 0, lose their sign.
        """
        return values if self.higher_is_better else np.abs(values)


def score_formats(protocol: dict) -> Dict[str, ScoreFormat]:
    """Those of a report's protocol, by name."""
    tolerance = f'{protocol["tolerance"]:g} {protocol["unit"]}'
    return {name: ScoreFormat(name, **score,
                              tolerance=tolerance if name == 'NSD' else '')
            for name, score in protocol['scores'].items()}
