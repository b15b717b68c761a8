"""Figures of merit as torchmetrics metrics, and the catalogue that names all figures."""

from symmetry_pl.metrics.catalogue import MetricSpec, register, spec
from symmetry_pl.metrics.errors import ColumnAbsoluteError, SummedAbsoluteError
from symmetry_pl.metrics.leakage import Leakage

__all__ = [
    "ColumnAbsoluteError",
    "Leakage",
    "MetricSpec",
    "SummedAbsoluteError",
    "register",
    "spec",
]
