"""Options that both flows have: one number or one for each coordinate, and those of splines."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from symmetry_pl.nn.flows.rational_quadratic import MIN_BIN


def per_column(option: str, value: float | Sequence[float], dim: int) -> Tensor:
    """One number or ``dim`` of them, as ``(dim,)``.

    Raises:
        ValueError: for another number of them, naming the option.

    >>> per_column("scale", 2.0, 3)
    tensor([2., 2., 2.])
    """
    numbers = [value] * dim if isinstance(value, (int, float)) else list(value)
    if len(numbers) != dim:
        raise ValueError(f"{option} of a flow is one number or {dim}, got {len(numbers)}")
    return torch.tensor(numbers, dtype=torch.get_default_dtype())


def check_positive(option: str, values: Tensor) -> Tensor:
    """The values, if all are positive.

    Raises:
        ValueError: if one is not, naming the option.
    """
    if not bool((values > 0).all()):
        raise ValueError(f"{option} of a flow must be positive, got {values.tolist()}")
    return values


def check_spline(bins: int, bound: float, option: str) -> None:
    """Refuse splines without bins or length.

    Args:
        bins: of a spline.
        bound: half its length.
        option: name of the option that holds ``bound``.

    Raises:
        ValueError: naming both options.
    """
    if not 2 <= bins < 1 / MIN_BIN or not bound > 0:
        raise ValueError(
            f"splines of a flow need 2 to 999 bins and a positive {option}, "
            f"got bins={bins} and {option}={bound}"
        )
