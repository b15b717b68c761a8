"""SymmetryLens: the generator of a hidden one-parameter group, from raw vectors."""

from symmetry_pl.lens.symmetry_lens import SymmetryLens

__all__ = ["SymmetryLens"]
