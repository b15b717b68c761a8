"""Predictors of a target from a code, by name."""

from torch import nn

from symmetry_pl.nn.fourier import FourierPredictor
from symmetry_pl.nn.mlp import MLP

PREDICTORS: dict[str, type[nn.Module]] = {"mlp": MLP, "fourier": FourierPredictor}
