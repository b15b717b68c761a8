"""What a figure of merit is called, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["MetricSpec"]

Style = Literal["number", "percent", "exponent"]
Better = Literal["less", "more", "neither"]


@dataclass(frozen=True)
class MetricSpec:
    """How a figure is named for people, written, and read.

    Args:
        name: as it is logged, without the stage.
        label: what it is, in a line; the unit stands behind it.
        short: head of its column in a table.
        unit: empty where it has none.
        digits: decimals in a table of results.
        style: `number`; `percent`, a share that the summary of one run writes in percent;
            `exponent`, a number that is written as a power of ten where its decimals are zeros.
        better: whether less is better, or more, or neither.
        beside: name of the figure that it is compared with.
        beside_label: what that is.
        group: figures of one group share a chart.
        shown: whether the summary of a test has a row for it.

    Raises:
        ValueError: without a name, or for another style or direction.
    """

    name: str
    label: str
    short: str
    unit: str = ""
    digits: int = 4
    style: Style = "number"
    better: Better = "less"
    beside: str = ""
    beside_label: str = ""
    group: str = ""
    shown: bool = True

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a figure of the catalogue needs a name")
        for option, values in (("style", get_args(Style)), ("better", get_args(Better))):
            if getattr(self, option) not in values:
                raise ValueError(
                    f"{option} of {self.name} must be one of {', '.join(values)}, "
                    f"got {getattr(self, option)!r}"
                )

    @property
    def title(self) -> str:
        """Label and unit.

        >>> MetricSpec("nll_eta", "−log p(η | prototype)", "−log p(η)", "nats").title
        '−log p(η | prototype) [nats]'
        """
        return _with_unit(self.label, self.unit)

    @property
    def header(self) -> str:
        """Head of a column: short label and unit.

        >>> MetricSpec("mae_gap_ev", "MAE of gap", "gap", "eV").header
        'gap [eV]'
        """
        return _with_unit(self.short, self.unit)

    def brief(self, value: float, digits: int = 4) -> str:
        """A value in a line of text: significant digits with the unit, or percent.

        >>> MetricSpec("a", "a", "a", "nats").brief(0.012345, 3)
        '0.0123 nats'
        >>> MetricSpec("a", "a", "a", style="percent").brief(0.9934)
        '99.34 %'
        """
        if self.style == "percent":
            return f"{100 * value:.{digits}g} %"
        return f"{value:.{digits}g}" + (f" {self.unit}" if self.unit else "")

    def cell(self, value: float) -> str:
        """A value in a table of results; shares are written as numbers.

        >>> MetricSpec("a", "a", "a", digits=3).cell(-0.00012)
        '0.000'
        >>> MetricSpec("a", "a", "a", digits=3, style="exponent").cell(-0.00012)
        '-1e-04'
        """
        rounded = f"{value:.{self.digits}f}"
        if float(rounded) != 0.0:
            return rounded
        exponent = self.style == "exponent" and value != 0
        return f"{value:.0e}" if exponent else rounded.lstrip("-")


def _with_unit(text: str, unit: str) -> str:
    return f"{text} [{unit}]" if unit else text
