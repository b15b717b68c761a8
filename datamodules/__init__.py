"""LightningDataModules: the papers' data, and people's own."""

from symmetry_pl.datamodules.base import SymmetryDataModule
from symmetry_pl.datamodules.clouds.clouds import PointCloudDataModule
from symmetry_pl.datamodules.clouds.conformers import ConformerDataModule
from symmetry_pl.datamodules.clouds.modelnet import ModelNetDataModule
from symmetry_pl.datamodules.clouds.published_clouds import ArrowDataModule, TetrahedronDataModule
from symmetry_pl.datamodules.clouds.random_shapes import RandomShapesDataModule
from symmetry_pl.datamodules.images.dsprites import DSpritesDataModule
from symmetry_pl.datamodules.images.images import ImagesDataModule
from symmetry_pl.datamodules.images.mnist import MNISTDataModule
from symmetry_pl.datamodules.molecules.example_molecules import ExampleMoleculesDataModule
from symmetry_pl.datamodules.molecules.prediction_csv import PredictionCSVDataModule
from symmetry_pl.datamodules.molecules.qm9 import QM9DataModule
from symmetry_pl.datamodules.molecules.smiles_csv import SmilesCSVDataModule
from symmetry_pl.datamodules.molecules.zinc import ZINCDataModule
from symmetry_pl.datamodules.molecules.zinc_targets import ZINCTargetsDataModule
from symmetry_pl.datamodules.vectors.arrays import ArrayDataModule
from symmetry_pl.datamodules.vectors.example_tables import ExampleTableDataModule
from symmetry_pl.datamodules.vectors.graph_fields import GraphFieldsDataModule
from symmetry_pl.datamodules.vectors.group_orbits import GroupOrbitsDataModule
from symmetry_pl.datamodules.vectors.hidden_images import HiddenImagesDataModule
from symmetry_pl.datamodules.vectors.laws import LawsDataModule
from symmetry_pl.datamodules.vectors.mnist_slices import MNISTSlicesDataModule
from symmetry_pl.datamodules.vectors.planted_groups import PlantedGroupsDataModule
from symmetry_pl.datamodules.vectors.signals import SignalsDataModule
from symmetry_pl.datamodules.vectors.spiral import SpiralDataModule
from symmetry_pl.datamodules.vectors.table import TableDataModule

__all__ = [
    "ArrayDataModule",
    "ArrowDataModule",
    "ConformerDataModule",
    "DSpritesDataModule",
    "ExampleMoleculesDataModule",
    "ExampleTableDataModule",
    "GraphFieldsDataModule",
    "GroupOrbitsDataModule",
    "HiddenImagesDataModule",
    "ImagesDataModule",
    "LawsDataModule",
    "MNISTDataModule",
    "MNISTSlicesDataModule",
    "ModelNetDataModule",
    "PlantedGroupsDataModule",
    "PointCloudDataModule",
    "PredictionCSVDataModule",
    "QM9DataModule",
    "RandomShapesDataModule",
    "SignalsDataModule",
    "SmilesCSVDataModule",
    "SpiralDataModule",
    "SymmetryDataModule",
    "TableDataModule",
    "TetrahedronDataModule",
    "ZINCDataModule",
    "ZINCTargetsDataModule",
]

if __name__ == "datamodules":  # the folder of a checkout, imported from its root
    # Modules below would be loaded a second time, as other classes than symmetry_pl.datamodules'.
    __path__ = []
