"""symmetry_pl learns symmetries from data: STIB, SGM and SymmetryLens in PyTorch Lightning."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("symmetry_pl")
except PackageNotFoundError:  # a source tree that is on the path but not installed
    __version__ = "0+source"

from symmetry_pl.lens import SymmetryLens
from symmetry_pl.sgm import SGM
from symmetry_pl.stib import CVAE, CVIB, STIB, VAE, FlowSTIB, LatentFlowSTIB, TokenFlowSTIB

__all__ = [
    "CVAE",
    "CVIB",
    "SGM",
    "STIB",
    "VAE",
    "FlowSTIB",
    "LatentFlowSTIB",
    "SymmetryLens",
    "TokenFlowSTIB",
    "__version__",
]
