"""symmetry_pl learns symmetries from data: STIB, SGM and SymmetryLens in PyTorch Lightning.

Public names are imported when they are first asked for, so that the command line starts at once.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symmetry_pl.estimators import (
        FlowSTIBEstimator,
        SGMEstimator,
        SymmetryLensEstimator,
    )
    from symmetry_pl.fitted import FittedModel
    from symmetry_pl.groups.naming import NamedGroup, name_group
    from symmetry_pl.lens import (
        CommutingLens,
        DomainClassifier,
        EmbeddedDomain,
        InvarianceAlgebra,
        LaLiGAN,
        LensDomain,
        LieDerivative,
        LieGAN,
        SymmetryGAN,
        SymmetryLens,
    )
    from symmetry_pl.sgm import (
        SGM,
        Augerino,
        Canonicaliser,
        ImageClassifier,
        ImageVAE,
        LieFlow,
        SGMAugment,
    )
    from symmetry_pl.stib import (
        CVAE,
        CVIB,
        STIB,
        VAE,
        FlowSTIB,
        LatentFlowSTIB,
        PropertyGenerator,
        TokenFlowSTIB,
    )

__all__ = [
    "CVAE",
    "CVIB",
    "SGM",
    "STIB",
    "VAE",
    "Augerino",
    "Canonicaliser",
    "CommutingLens",
    "DomainClassifier",
    "EmbeddedDomain",
    "FittedModel",
    "FlowSTIB",
    "FlowSTIBEstimator",
    "ImageClassifier",
    "ImageVAE",
    "InvarianceAlgebra",
    "LaLiGAN",
    "LatentFlowSTIB",
    "LensDomain",
    "LieDerivative",
    "LieFlow",
    "LieGAN",
    "NamedGroup",
    "PropertyGenerator",
    "SGMAugment",
    "SGMEstimator",
    "SymmetryGAN",
    "SymmetryLens",
    "SymmetryLensEstimator",
    "TokenFlowSTIB",
    "__version__",
    "load",
    "name_group",
]

_ROOMS = {
    "Augerino": "sgm",
    "Canonicaliser": "sgm",
    "CommutingLens": "lens",
    "DomainClassifier": "lens",
    "EmbeddedDomain": "lens",
    "FittedModel": "fitted",
    "FlowSTIBEstimator": "estimators",
    "ImageClassifier": "sgm",
    "ImageVAE": "sgm",
    "InvarianceAlgebra": "lens",
    "LaLiGAN": "lens",
    "SGM": "sgm",
    "SGMAugment": "sgm",
    "SGMEstimator": "estimators",
    "LensDomain": "lens",
    "LieDerivative": "lens",
    "LieFlow": "sgm",
    "LieGAN": "lens",
    "NamedGroup": "groups.naming",
    "SymmetryGAN": "lens",
    "SymmetryLens": "lens",
    "SymmetryLensEstimator": "estimators",
    "name_group": "groups.naming",
}  # the others are of stib

if not (Path(__file__).parent / "datamodules").is_dir():  # a checkout without links: Windows
    __path__.append(str(Path(__file__).resolve().parents[1]))


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("symmetry_pl.runs.provenance").package_version()
    if name not in __all__:
        raise AttributeError(f"module 'symmetry_pl' has no attribute {name!r}")
    return getattr(import_module(f"symmetry_pl.{_ROOMS.get(name, 'stib')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load(path_or_name: Path | str) -> FittedModel:
    """The trained model of a checkpoint, on the CPU: it takes and gives NumPy arrays.

    Args:
        path_or_name: the file.

    Returns:
        What has ``predict``, ``transform``, ``inverse_transform`` and ``generate`` of its family;
        the LightningModule is its attribute ``module``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no checkpoint of symmetry_pl, or of a class that cannot be imported.
    """
    from symmetry_pl.fitted.loading import load as loaded

    return loaded(path_or_name)
