"""SGM: a generative model of symmetry transformations (Allingham et al., 2024)."""

from symmetry_pl.sgm.image_vae import ImageVAE
from symmetry_pl.sgm.sgm import SGM

__all__ = ["SGM", "ImageVAE"]
