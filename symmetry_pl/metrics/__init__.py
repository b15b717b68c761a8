"""Figures of merit as torchmetrics metrics, which merge over batches and ranks."""

from symmetry_pl.metrics.errors import ColumnAbsoluteError, SummedAbsoluteError
from symmetry_pl.metrics.leakage import Leakage

__all__ = ["ColumnAbsoluteError", "Leakage", "SummedAbsoluteError"]
