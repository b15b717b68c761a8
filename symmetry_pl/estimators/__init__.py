"""The three methods in scikit-learn's manner: fit, transform, predict, score on NumPy arrays."""

from symmetry_pl.estimators.checks import EXPECTED_FAILED_CHECKS
from symmetry_pl.estimators.flow_stib import FlowSTIBEstimator
from symmetry_pl.estimators.sgm import SGMEstimator
from symmetry_pl.estimators.symmetry_lens import SymmetryLensEstimator

__all__ = [
    "EXPECTED_FAILED_CHECKS",
    "FlowSTIBEstimator",
    "SGMEstimator",
    "SymmetryLensEstimator",
]
