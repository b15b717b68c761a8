"""SGM: a generative model of symmetry transformations (Allingham et al., 2024); its rivals."""

from symmetry_pl.sgm.canonicaliser import Canonicaliser
from symmetry_pl.sgm.elements.augerino import Augerino
from symmetry_pl.sgm.elements.lieflow import LieFlow
from symmetry_pl.sgm.image_classifier import ImageClassifier
from symmetry_pl.sgm.image_vae import ImageVAE
from symmetry_pl.sgm.sgm import SGM
from symmetry_pl.sgm.sgm_augment import SGMAugment

__all__ = [
    "SGM",
    "Augerino",
    "Canonicaliser",
    "ImageClassifier",
    "ImageVAE",
    "LieFlow",
    "SGMAugment",
]
