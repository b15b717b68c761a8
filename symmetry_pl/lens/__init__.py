"""Generators of a hidden symmetry from raw vectors: SymmetryLens, its rivals, other groups."""

from symmetry_pl.lens.commuting_lens import CommutingLens
from symmetry_pl.lens.domain_classifier import DomainClassifier
from symmetry_pl.lens.embedded_domain import EmbeddedDomain
from symmetry_pl.lens.invariance_algebra import InvarianceAlgebra
from symmetry_pl.lens.laligan import LaLiGAN
from symmetry_pl.lens.lens_domain import LensDomain
from symmetry_pl.lens.lie_derivative import LieDerivative
from symmetry_pl.lens.liegan import LieGAN
from symmetry_pl.lens.symmetry_gan import SymmetryGAN
from symmetry_pl.lens.symmetry_lens import SymmetryLens

__all__ = [
    "CommutingLens",
    "DomainClassifier",
    "EmbeddedDomain",
    "InvarianceAlgebra",
    "LaLiGAN",
    "LensDomain",
    "LieDerivative",
    "LieGAN",
    "SymmetryGAN",
    "SymmetryLens",
]
