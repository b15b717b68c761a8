"""LightningDataModules: the papers' data, and people's own."""

from datamodules.arrays import ArrayDataModule
from datamodules.base import SymmetryDataModule
from datamodules.dsprites import DSpritesDataModule
from datamodules.images import ImagesDataModule
from datamodules.mnist import MNISTDataModule
from datamodules.mnist_slices import MNISTSlicesDataModule
from datamodules.prediction_csv import PredictionCSVDataModule
from datamodules.qm9 import QM9DataModule
from datamodules.signals import SignalsDataModule
from datamodules.smiles_csv import SmilesCSVDataModule
from datamodules.spiral import SpiralDataModule
from datamodules.zinc import ZINCDataModule

__all__ = [
    "ArrayDataModule",
    "DSpritesDataModule",
    "ImagesDataModule",
    "MNISTDataModule",
    "MNISTSlicesDataModule",
    "PredictionCSVDataModule",
    "QM9DataModule",
    "SignalsDataModule",
    "SmilesCSVDataModule",
    "SpiralDataModule",
    "SymmetryDataModule",
    "ZINCDataModule",
]
