"""What a checkpoint of molecules holds: the model, its language, and where its data are."""

from __future__ import annotations

from pathlib import Path

import yaml

from symmetry_pl.core import DataDescription
from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.core.registry import imported
from symmetry_pl.datamodules.molecules.molecule_data import MoleculeDataModule
from symmetry_pl.runs.folders import run_of_checkpoint
from symmetry_pl.stib.invariance import InvarianceModule
from symmetry_pl.stib.property_generator import PropertyGenerator

__all__ = ["load_data", "load_model"]


def load_model(path: Path) -> tuple[InvarianceModule | PropertyGenerator, DataDescription]:
    """The model of a checkpoint, in evaluation mode, and what it knows of its data.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no checkpoint of ours, or of a model that makes no molecules.
    """
    checkpoint = Checkpoint.read(path)
    family = checkpoint.model_class()
    if not issubclass(family, (InvarianceModule, PropertyGenerator)):
        raise ValueError(
            f"--ckpt_path: {path} holds a {family.__name__}, which does not split codes into Z0 "
            "and Z1: generate takes STIB, LatentFlowSTIB, TokenFlowSTIB, VAE, CVAE and CVIB, and "
            "PropertyGenerator"
        )
    data = checkpoint.data
    if data is None or data.kind != "tokens":
        kind = "unknown data" if data is None else f"data of the kind {data.kind!r}"
        raise ValueError(f"--ckpt_path: {path} was trained on {kind}, not on molecules")
    model = checkpoint.model()
    assert isinstance(model, (InvarianceModule, PropertyGenerator))
    return model, data


def load_data(path: Path, expected: DataDescription) -> MoleculeDataModule:
    """The data that a checkpoint's run was trained on, after ``setup``.

    Raises:
        FileNotFoundError: if the run's config.yaml or the data are not where they were.
        ValueError: if the data are others than the model was trained on.
    """
    config = run_of_checkpoint(str(path)) / "config.yaml"
    if not config.is_file():
        raise FileNotFoundError(f"there is no {config}")
    section = yaml.safe_load(config.read_text())["data"]
    data = imported(section["class_path"], f"{config}: data")(**section["init_args"])
    assert isinstance(data, MoleculeDataModule)  # as the model's data are molecules
    data.continue_as(expected)
    data.prepare_data()
    data.setup("fit")
    if not expected.same_as(data.description):
        raise ValueError(f"they have changed: {expected.difference(data.description)}")
    return data
