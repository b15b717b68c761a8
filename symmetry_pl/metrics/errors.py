"""Absolute errors as the papers define them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

__all__ = ["ColumnAbsoluteError", "SummedAbsoluteError"]


def _check_shapes(prediction: Tensor, target: Tensor) -> None:
    if prediction.shape != target.shape or prediction.ndim != 2:
        raise ValueError(
            "prediction and target must have the same shape (B, d), "
            f"got {tuple(prediction.shape)} and {tuple(target.shape)}."
        )


class SummedAbsoluteError(Metric):
    """Mean over samples of the error summed over coordinates: (1/N) Σₙ Σⱼ |aₙⱼ − bₙⱼ|.

    The MAE of STIB, Table 1; d times the mean over all entries. In the unit of the inputs.

    Example:
        >>> metric = SummedAbsoluteError()
        >>> metric(torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.zeros(2, 2))
        tensor(1.5000)
    """

    full_state_update = False
    higher_is_better = False
    is_differentiable = True
    total: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch of predictions and targets, both `(B, d)`, else ValueError."""
        _check_shapes(prediction, target)
        # The difference of two bfloat16 numbers keeps three digits at best.
        error = (prediction.to(self.total.dtype) - target.to(self.total.dtype)).abs()
        self.total = self.total + error.sum()
        self.count = self.count + len(prediction)

    def compute(self) -> Tensor:
        """Return the error over all batches, a scalar; NaN before the first sample."""
        return self.total / self.count


class ColumnAbsoluteError(Metric):
    """Mean absolute error of every column times its scale: sⱼ (1/N) Σₙ |aₙⱼ − bₙⱼ|.

    Args:
        scale: One factor per column, such as the standard deviations that turn standardised
            properties back into physical units.
        **kwargs: As of `torchmetrics.Metric`.

    Raises:
        ValueError: If `scale` is empty or not positive, or a batch has another number of columns.

    Example:
        >>> metric = ColumnAbsoluteError(scale=[1.0, 27.2114])  # hartree to eV
        >>> metric(torch.tensor([[1.0, 1.0], [3.0, 0.0]]), torch.zeros(2, 2))
        tensor([ 2.0000, 13.6057])
    """

    full_state_update = False
    higher_is_better = False
    is_differentiable = True
    scale: Tensor
    total: Tensor
    count: Tensor

    def __init__(self, scale: Sequence[float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        values = [float(s) for s in scale]
        if not values or not all(0 < s < float("inf") for s in values):
            raise ValueError(f"scale must hold positive numbers, one per column, got {values}.")
        self.register_buffer("scale", torch.tensor(values), persistent=False)
        self.add_state("total", torch.zeros(len(values)), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch of predictions and targets, both `(B, d)`, else ValueError."""
        _check_shapes(prediction, target)
        if prediction.shape[1] != len(self.total):
            raise ValueError(
                f"scale has {len(self.total)} columns, the predictions {prediction.shape[1]}."
            )
        error = (prediction.to(self.total.dtype) - target.to(self.total.dtype)).abs()
        self.total = self.total + error.sum(0)
        self.count = self.count + len(prediction)

    def compute(self) -> Tensor:
        """Return the scaled error of every column, `(d,)`; NaN before the first sample."""
        return self.scale * self.total / self.count
