"""Generators of hidden groups from raw vectors: SymmetryLens, and Lie algebras of no shift."""

from symmetry_pl.lens.lie_algebra import LieAlgebra
from symmetry_pl.lens.symmetry_lens import SymmetryLens

__all__ = ["LieAlgebra", "SymmetryLens"]
