"""A warm start of SymmetryLens from second moments and independent components, no gradients of its loss."""

from symmetry_pl.lens.warm_start.blind import WarmStart, blind_source

__all__ = ["WarmStart", "blind_source"]
