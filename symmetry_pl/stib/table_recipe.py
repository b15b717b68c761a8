"""What ``FlowSTIB`` chooses for a table where its options do not: a function of its size alone."""

from __future__ import annotations

from dataclasses import dataclass

from symmetry_pl.core import DataDescription
from symmetry_pl.nn.flows.quantile_splines import knots_for

__all__ = ["TableRecipe", "recipe_for"]

_FEW = 1_000
_SOME = 2_000
_DENSE = 500  # rows a column from which the couplings that see z1 are splines
_BINS = 8
_MANY = 1_000_000
"""Training rows of data that do not say how many there are: those of a stream."""


@dataclass(frozen=True)
class TableRecipe:
    """Sizes and regularisers of one fit.

    Args:
        blocks: of the flow, before z1 is there.
        given_blocks: of the flow, after that.
        width: of its conditioners.
        knots: of its quantile splines.
        first_noise: deviation of noise on whitened columns at the start, a kernel's bandwidth.
        input_noise: the same at the end.
        lr: of AdamW.
        given_bins: of the splines after z1 is there; 0 for affine maps.
    """

    blocks: int
    given_blocks: int
    width: int
    knots: int
    first_noise: float
    input_noise: float
    lr: float
    given_bins: int = 0

    @property
    def flow_options(self) -> dict[str, int]:
        """Those of ``TableFlow``."""
        return {
            "blocks": self.blocks,
            "given_blocks": self.given_blocks,
            "width": self.width,
            "knots": self.knots,
            "given_bins": self.given_bins,
        }

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.blocks} + {self.given_blocks} blocks of width {self.width}, the latter "
            f"{f'splines of {self.given_bins} bins' if self.given_bins else 'affine'}, "
            f"{self.knots} knots a column, input noise {self.first_noise:g} to "
            f"{self.input_noise:g}, learning rate {self.lr:g}"
        )


def recipe_for(data: DataDescription) -> TableRecipe:
    r"""What suits the training rows that there are, ``data.extra["rows"]``.

    The fewer rows, the fewer parameters: what a flow estimates from n rows with p parameters leaks
    about p / n of the variance of y into Z0. Noise falls with n as the bandwidth of a kernel does
    (Scott 1992, eq. 6.43),

    .. math:: \sigma = \tfrac13\, n^{-1/(d + 4)}

    and where there are 2,000 rows it falls to three tenths of that while the flow trains: codes are
    those of rows without noise, but a flow that begins with little of it ends in worse optima.

    From 500 rows a column on, couplings that see z1 are splines: of six tables what a probe of
    100,000 rows reads of y from Z0 fell on five, by a factor of up to 9, and grew on one, from an
    R² of .002 to .006. With 400 rows a column it grew too (``docs/stib.md``).

    >>> data = DataDescription("vector", (10,), ("y",), extra={"rows": 300})
    >>> recipe_for(data).blocks, recipe_for(DataDescription("vector", (10,), ("y",))).blocks
    (1, 3)
    """
    rows, columns = int(data.extra.get("rows", _MANY)), data.x_shape[0]
    noise = round(rows ** (-1 / (columns + 4)) / 3, 3)
    knots = knots_for(rows)
    if rows < _FEW:
        return TableRecipe(1, 1, 16, knots, noise, noise, 2e-3)
    if rows < _SOME:
        return TableRecipe(1, 1, 32, knots, noise, noise, 6e-3)
    bins = _BINS if rows >= _DENSE * columns else 0
    return TableRecipe(3, 2, 64, knots, noise, round(0.3 * noise, 3), 6e-3, bins)
