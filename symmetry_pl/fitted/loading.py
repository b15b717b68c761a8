"""From a checkpoint to a trained model that takes arrays."""

from __future__ import annotations

from pathlib import Path

from symmetry_pl.core import SymmetryModule
from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.fitted.algebra_model import AlgebraModel
from symmetry_pl.fitted.domain_model import DomainModel
from symmetry_pl.fitted.generator_model import GeneratorModel
from symmetry_pl.fitted.invariance_model import InvarianceModel
from symmetry_pl.fitted.model import FittedModel
from symmetry_pl.fitted.property_model import PropertyModel
from symmetry_pl.fitted.prototype_model import PrototypeModel
from symmetry_pl.lens.invariance_algebra import InvarianceAlgebra
from symmetry_pl.lens.lens_domain import LensDomain
from symmetry_pl.lens.symmetry_lens import SymmetryLens
from symmetry_pl.runs.named import checkpoint_path
from symmetry_pl.sgm.prototype_module import PrototypeModule
from symmetry_pl.stib.invariance import InvarianceModule
from symmetry_pl.stib.property_generator import PropertyGenerator

__all__ = ["fitted_model", "load", "located"]

_KINDS: tuple[tuple[type[SymmetryModule], type[FittedModel]], ...] = (
    (InvarianceModule, InvarianceModel),
    (PrototypeModule, PrototypeModel),
    (SymmetryLens, GeneratorModel),
    (InvarianceAlgebra, AlgebraModel),
    (LensDomain, DomainModel),
    (PropertyGenerator, PropertyModel),
)


def located(path_or_name: Path | str) -> Path:
    """The file of a checkpoint, or of one that comes with the package, by its name."""
    return checkpoint_path(Path(path_or_name).expanduser(), "load")


def fitted_model(module: SymmetryModule) -> FittedModel:
    """A trained module as what its family can do with arrays; of another family, its ``module``.

    Raises:
        ValueError: if it does not know its data.
    """
    kind = next((fitted for family, fitted in _KINDS if isinstance(module, family)), FittedModel)
    return kind(module)


def load(path_or_name: Path | str) -> FittedModel:
    """The trained model of a checkpoint, on the CPU: it takes and gives NumPy arrays.

    Args:
        path_or_name: the file, or a name that ``symmetry checkpoints`` lists.

    Returns:
        ``predict``, ``transform``, ``inverse_transform`` and ``generate`` of its family; the
        LightningModule is its attribute ``module``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no checkpoint of symmetry_pl, or of a class that cannot be imported.
    """
    return fitted_model(Checkpoint.read(located(path_or_name), "load").model())
