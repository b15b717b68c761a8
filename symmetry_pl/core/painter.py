"""What a family says of its figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from symmetry_pl.core import SymmetryModule

Curves = dict[str, tuple[list[float], list[float]]]
"""``<stage>/<metric>`` to (batches, values)."""


class Painter(Protocol):
    """Draws the figures of one family."""

    @property
    def curves(self) -> Mapping[str, tuple[str, ...]]:
        """Stage to the metrics that are drawn over time."""

    def accepts(self, module: SymmetryModule) -> bool:
        """Whether the module is one of its family."""

    def paint(self, module: Any, data: Any, curves: Curves) -> Iterator[tuple[str, Any]]:
        """Names and pictures (figures, or RGB arrays) of the last evaluation.

        Args:
            module: after a validation or a test.
            data: its datamodule.
            curves: what ``curves`` asked for so far; empty in a test.
        """
