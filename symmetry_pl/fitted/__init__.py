"""Trained models that take and give NumPy arrays and SMILES."""

from symmetry_pl.fitted.generator_model import GeneratorModel
from symmetry_pl.fitted.invariance_model import InvarianceModel
from symmetry_pl.fitted.loading import fitted_model, load
from symmetry_pl.fitted.model import FittedModel
from symmetry_pl.fitted.property_model import PropertyModel
from symmetry_pl.fitted.prototype_model import PrototypeModel

__all__ = [
    "FittedModel",
    "GeneratorModel",
    "InvarianceModel",
    "PropertyModel",
    "PrototypeModel",
    "fitted_model",
    "load",
]
