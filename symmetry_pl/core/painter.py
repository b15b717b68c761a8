"""What a family says of its figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from symmetry_pl.core.evaluation import Evaluator

Curves = dict[str, tuple[list[float], list[float]]]
"""``<stage>/<metric>`` to (batches, values)."""


class Painter(Protocol):
    """Draws what one family has learned; a module names its own in ``painter``."""

    @property
    def curves(self) -> Mapping[str, tuple[str, ...]]:
        """Stage to the metrics that are drawn over time."""

    def paint(
        self, model: Any, evaluator: Evaluator, data: Any, curves: Curves
    ) -> Iterator[tuple[str, Any]]:
        """Names and pictures (figures, or RGB arrays) of the last evaluation.

        Args:
            model: after a validation or a test.
            evaluator: of that set.
            data: the datamodule.
            curves: what ``curves`` asked for so far; empty in a test.
        """
