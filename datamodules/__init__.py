"""LightningDataModules: the papers' data, and people's own."""

from datamodules.base import SymmetryDataModule
from datamodules.qm9 import QM9DataModule
from datamodules.spiral import SpiralDataModule

__all__ = ["QM9DataModule", "SpiralDataModule", "SymmetryDataModule"]
