"""What a transformation is: apply, compose, invert. Nothing is trained here."""

from symmetry_pl.groups.affine import AffineGroup
from symmetry_pl.groups.affine_charts import affine_generators
from symmetry_pl.groups.base import Group, ImageGroup
from symmetry_pl.groups.cloud_frames import linear_frame, rigid_frame
from symmetry_pl.groups.clouds import (
    CloudGroup,
    Orthogonal,
    SpecialOrthogonal,
)
from symmetry_pl.groups.color import ColorGroup, hsv_to_rgb, rgb_to_hsv
from symmetry_pl.groups.commuting import CommutingSubgroup
from symmetry_pl.groups.domain import Domain, Topology
from symmetry_pl.groups.linear_maps import PositiveLinear
from symmetry_pl.groups.matrices import affine_exponential, affine_logarithm, plane_logarithm
from symmetry_pl.groups.motions import Similarity, SpecialEuclidean
from symmetry_pl.groups.point_groups import (
    AxialRotations,
    PointGroup,
    RotationSubgroup,
    axial,
    cyclic,
    dihedral,
    icosahedral,
    octahedral,
    tetrahedral,
)
from symmetry_pl.groups.product import AffineColorGroup, ProductGroup
from symmetry_pl.groups.registry import build_any_group, build_cloud_group, build_group, register
from symmetry_pl.groups.subgroup import (
    OneParameterSubgroup,
    antisymmetric_part,
    crop,
    cycle_logarithm,
    lift_matrix,
    pad,
)
from symmetry_pl.groups.subgroup_names import AllRotations, named_subgroup
from symmetry_pl.groups.warp import warp

__all__ = [
    "AffineColorGroup",
    "AffineGroup",
    "AllRotations",
    "AxialRotations",
    "CloudGroup",
    "ColorGroup",
    "CommutingSubgroup",
    "Domain",
    "Group",
    "ImageGroup",
    "OneParameterSubgroup",
    "Orthogonal",
    "PointGroup",
    "PositiveLinear",
    "ProductGroup",
    "RotationSubgroup",
    "Similarity",
    "SpecialEuclidean",
    "SpecialOrthogonal",
    "Topology",
    "affine_exponential",
    "affine_generators",
    "affine_logarithm",
    "antisymmetric_part",
    "axial",
    "build_any_group",
    "build_cloud_group",
    "build_group",
    "crop",
    "cycle_logarithm",
    "cyclic",
    "dihedral",
    "hsv_to_rgb",
    "icosahedral",
    "lift_matrix",
    "linear_frame",
    "named_subgroup",
    "octahedral",
    "pad",
    "plane_logarithm",
    "register",
    "rgb_to_hsv",
    "rigid_frame",
    "tetrahedral",
    "warp",
]
