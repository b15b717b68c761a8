"""A warm start of SymmetryLens: the hidden chain without gradients of the paper's loss."""

from symmetry_pl.lens.warm_start.blind import WarmStart, blind_source

__all__ = ["WarmStart", "blind_source"]
