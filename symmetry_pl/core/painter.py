"""What a family says of its figures, and where that is found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
from torch import Tensor

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


def plain(value: Tensor) -> npt.NDArray[np.float64]:
    """A tensor as the array that is drawn."""
    array: npt.NDArray[np.float64] = value.detach().double().cpu().numpy()
    return array


def painter_of(module: Any) -> Painter | None:
    """The painter that a module's class names, made once; None where it names none.

    Args:
        module: whose attribute ``painter`` is ``"package.module:Class"``, or empty.

    Raises:
        ValueError: for a path that names no class.
    """
    path: str = getattr(module, "painter", "")
    return _load(path, type(module).__name__) if path else None


@cache
def _load(path: str, owner: str) -> Painter:
    place, _, name = path.partition(":")
    try:
        made = getattr(import_module(place), name)
    except (AttributeError, ModuleNotFoundError, ValueError) as error:
        raise ValueError(
            f"painter of {owner} must be 'package.module:Class', got {path!r}: {error}"
        ) from error
    return cast("Painter", made())
