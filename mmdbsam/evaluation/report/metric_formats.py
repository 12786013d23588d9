"""How the values of a metric are printed, and which of them are better."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricFormat:
    """How to print a metric.

    Attributes:
        unit: What a printed value is in.
        factor: From a value to what is printed.
        higher_is_better: Else lower is.
        decimals: Of the printed value.
    """

    unit: str
    factor: float
    higher_is_better: bool
    decimals: int = 2

    def text(self, value: float) -> str:
        """The value without its unit."""
        return f'{self.factor * value:.{self.decimals}f}'

    def signed(self, value: float) -> str:
        """A difference without its unit."""
        return f'{self.factor * value:+.{self.decimals}f}'


_SHARE = MetricFormat('%', 100, True)
_DISTANCE = MetricFormat('mm', 1, False)
METRIC_FORMATS = {
    'DSC': _SHARE,
    'NSD': _SHARE,
    'IoU': _SHARE,
    'HD95': _DISTANCE,
    'ASSD': _DISTANCE,
    'VD': MetricFormat('%', 100, False),
}
