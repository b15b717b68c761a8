"""LightningDataModules: the papers' data, and people's own."""

from datamodules.base import SymmetryDataModule
from datamodules.spiral import SpiralDataModule

__all__ = ["SpiralDataModule", "SymmetryDataModule"]
