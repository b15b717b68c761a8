"""What a transformation is: apply, compose, invert. Nothing is trained here."""

from symmetry_pl.groups.affine import AffineGroup
from symmetry_pl.groups.affine_charts import affine_generators
from symmetry_pl.groups.base import ImageGroup
from symmetry_pl.groups.color import ColorGroup, hsv_to_rgb, rgb_to_hsv
from symmetry_pl.groups.commuting import CommutingSubgroup
from symmetry_pl.groups.domain import Domain, Topology
from symmetry_pl.groups.matrices import affine_exponential, affine_logarithm, plane_logarithm
from symmetry_pl.groups.product import AffineColorGroup, ProductGroup
from symmetry_pl.groups.registry import build_group, register
from symmetry_pl.groups.subgroup import (
    OneParameterSubgroup,
    antisymmetric_part,
    crop,
    cycle_logarithm,
    lift_matrix,
    pad,
)
from symmetry_pl.groups.warp import warp

__all__ = [
    "AffineColorGroup",
    "AffineGroup",
    "ColorGroup",
    "CommutingSubgroup",
    "Domain",
    "ImageGroup",
    "OneParameterSubgroup",
    "ProductGroup",
    "Topology",
    "affine_exponential",
    "affine_generators",
    "affine_logarithm",
    "antisymmetric_part",
    "build_group",
    "crop",
    "cycle_logarithm",
    "hsv_to_rgb",
    "lift_matrix",
    "pad",
    "plane_logarithm",
    "register",
    "rgb_to_hsv",
    "warp",
]
