"""What a checkpoint of molecules holds: the model, its language, and where its data are."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path
from typing import Any

import torch
import yaml

from symmetry_pl.core import DataDescription, SymmetryModule
from symmetry_pl.datamodules.molecules.molecule_data import MoleculeDataModule
from symmetry_pl.runs.folders import run_of_checkpoint
from symmetry_pl.stib.invariance import InvarianceModule

__all__ = ["load_data", "load_model"]


def load_model(path: Path) -> tuple[InvarianceModule, DataDescription]:
    """The model of a checkpoint, in evaluation mode, and what it knows of its data.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no checkpoint of ours, or of a model that does not split molecules.
    """
    if not path.is_file():
        raise FileNotFoundError(f"--ckpt_path: there is no checkpoint {path}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(f"--ckpt_path: {path} is not a checkpoint") from error
    if not isinstance(state, dict) or "symmetry_pl" not in state:
        raise ValueError(f"--ckpt_path: {path} was not written by symmetry_pl")
    family = _class_of(state, path)
    if not issubclass(family, InvarianceModule):
        raise ValueError(
            f"--ckpt_path: {path} holds a {family.__name__}, which does not split codes into Z0 "
            "and Z1: generate takes STIB, LatentFlowSTIB, TokenFlowSTIB, VAE, CVAE and CVIB"
        )
    known = state["symmetry_pl"]["data"]
    if known is None or known["kind"] != "tokens":
        kind = "unknown data" if known is None else f"data of the kind {known['kind']!r}"
        raise ValueError(f"--ckpt_path: {path} was trained on {kind}, not on molecules")
    model = family.load_from_checkpoint(path, map_location="cpu", weights_only=True).eval()
    return model, DataDescription.from_dict(known)


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
    data = _imported(section["class_path"], str(config))(**section["init_args"])
    assert isinstance(data, MoleculeDataModule)  # as the model's data are molecules
    data.prepare_data()
    data.setup("fit")
    if not expected.same_as(data.description):
        raise ValueError(f"they have changed: {expected.difference(data.description)}")
    return data


def _class_of(state: dict[str, Any], path: Path) -> type[SymmetryModule]:
    """The class the command line, or else Python, trained."""
    name = state.get("hyper_parameters", {}).get("_class_path") or state["symmetry_pl"].get("class")
    if name is None:
        raise ValueError(f"--ckpt_path: {path} does not say which class it holds: train it anew")
    found: type[SymmetryModule] = _imported(name, f"--ckpt_path: {path}")
    return found


def _imported(name: str, where: str) -> Any:
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{where} names {name}, which cannot be imported") from error
