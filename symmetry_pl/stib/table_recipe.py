"""What ``FlowSTIB`` chooses for a table where its options do not: a function of its size alone."""

from __future__ import annotations

from dataclasses import dataclass

from symmetry_pl.core import DataDescription
from symmetry_pl.nn.flows.quantile_splines import knots_for

__all__ = ["TableRecipe", "recipe_for"]

_FEW = 1_000
_SOME = 4_000
_MANY = 1_000_000
"""Training rows of data that do not say how many there are: those of a stream."""


@dataclass(frozen=True)
class TableRecipe:
    """Sizes and regularisers of one fit.

    Args:
        blocks: of the flow.
        width: of its conditioners.
        knots: of its quantile splines.
        input_noise: deviation of noise on whitened columns, a kernel's bandwidth.
        weight_decay: of AdamW.
        lr: of AdamW.
    """

    blocks: int
    width: int
    knots: int
    input_noise: float
    weight_decay: float
    lr: float

    @property
    def flow_options(self) -> dict[str, int]:
        """Those of ``TableFlow``."""
        return {"blocks": self.blocks, "width": self.width, "knots": self.knots}

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.blocks} blocks of width {self.width}, {self.knots} knots a column, input noise "
            f"{self.input_noise:g}, weight decay {self.weight_decay:g}, learning rate {self.lr:g}"
        )


def recipe_for(data: DataDescription) -> TableRecipe:
    """What suits the training rows there are, ``data.extra["rows"]``.

    The fewer rows, the fewer parameters and the more noise: what a flow estimates from n rows with
    p parameters leaks about p / n of the variance of y into Z0.

    >>> data = DataDescription("vector", (10,), ("y",), extra={"rows": 300})
    >>> recipe_for(data).blocks, recipe_for(DataDescription("vector", (10,), ("y",))).blocks
    (1, 2)
    """
    rows = int(data.extra.get("rows", _MANY))
    knots = knots_for(rows)
    if rows < _FEW:
        return TableRecipe(1, 16, knots, 0.3, 0.0, 2e-3)
    if rows < _SOME:
        return TableRecipe(1, 32, knots, 0.3, 0.0, 6e-3)
    return TableRecipe(2, 64, knots, 0.2, 0.0, 6e-3)
