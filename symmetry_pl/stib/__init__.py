"""Inverse learning of symmetries: STIB, its baselines, and FlowSTIB."""

from symmetry_pl.stib.cvae import CVAE
from symmetry_pl.stib.cvib import CVIB
from symmetry_pl.stib.flow_stib import FlowSTIB
from symmetry_pl.stib.latent_flow_stib import LatentFlowSTIB
from symmetry_pl.stib.property_generator import PropertyGenerator
from symmetry_pl.stib.stib import STIB
from symmetry_pl.stib.token_flow_stib import TokenFlowSTIB
from symmetry_pl.stib.vae import VAE

__all__ = [
    "CVAE",
    "CVIB",
    "STIB",
    "VAE",
    "FlowSTIB",
    "LatentFlowSTIB",
    "PropertyGenerator",
    "TokenFlowSTIB",
]
