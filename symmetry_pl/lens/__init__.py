"""Generators of hidden groups from raw vectors: SymmetryLens, and Lie algebras of no shift."""

from symmetry_pl.lens.invariance_algebra import InvarianceAlgebra
from symmetry_pl.lens.symmetry_lens import SymmetryLens

__all__ = ["InvarianceAlgebra", "SymmetryLens"]
