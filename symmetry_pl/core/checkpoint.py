"""The only reader of checkpoint files."""

from __future__ import annotations

import errno
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core.description import DataDescription
from symmetry_pl.core.module import SymmetryModule, own_state
from symmetry_pl.core.registry import imported
from symmetry_pl.messages import shortened
from symmetry_pl.rng import global_generators_kept

__all__ = ["Checkpoint"]


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint says, read with ``weights_only=True``.

    Args:
        path: where it lies.
        class_path: dotted name of the class it holds.
        data: what the model knows of its data; None if it was trained on plain loaders.
        state: the whole content, on the CPU.
        option: the option that named it, for messages.
        content: the bytes of one in memory; None of a file.
    """

    path: Path
    class_path: str
    data: DataDescription | None
    state: dict[str, Any]
    option: str = "--ckpt_path"
    content: bytes | None = None

    @staticmethod
    def read(path: Path | str, option: str = "--ckpt_path") -> Checkpoint:
        """Read a file that a ``SymmetryModule`` was saved to.

        Args:
            path: the file.
            option: the option that names it, for messages.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is no checkpoint, one of another project or of another format.
        """
        place = Path(path)
        if not place.is_file():
            raise FileNotFoundError(f"{option}: there is no checkpoint {place}")
        return Checkpoint._of(_loaded(place, place, option), place, option)

    @staticmethod
    def of_bytes(content: bytes, name: str, option: str = "--ckpt_path") -> Checkpoint:
        """Read the content of such a file from memory.

        Args:
            content: what the file would hold.
            name: what it is called in messages.
            option: what names it, for messages.

        Raises:
            ValueError: as ``read``.
        """
        place = Path(name)
        return Checkpoint._of(_loaded(io.BytesIO(content), place, option), place, option, content)

    @staticmethod
    def _of(state: Any, place: Path, option: str, content: bytes | None = None) -> Checkpoint:
        own = own_state(state, f"{option}: {place}")
        _check_parts(state, own, f"{option}: {place}")
        name = state["hyper_parameters"].get("_class_path") or own["class"]
        try:
            data = own["data"] and DataDescription.from_dict(own["data"])
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{option}: {place} is damaged: its data are described as none can be "
                f"({shortened(str(error), 200)})"
            ) from error
        return Checkpoint(place, str(name), data or None, state, option, content)

    def other_split(self, datamodule: Any) -> str | None:
        """A warning, where data of the same kind held out other rows when this was trained.

        What such data test was partly trained on, and its figures mean nothing.
        """
        known: dict[str, Any] = {} if self.data is None else self.data.extra.get("split", {})
        given: dict[str, Any] = getattr(datamodule, "split_identity", {})
        other = [f"data.{k} {v}" for k, v in known.items() if given.get(k) != v]
        if known.keys() != given.keys() or not other:
            return None
        return (
            f"{self.option}: {self.path} was trained with {', '.join(other)}: rows that these data "
            "hold out WERE TRAINED ON, so that figures of the test set mean nothing; set the same"
        )

    def model_class(self) -> type[SymmetryModule]:
        """The class it holds.

        Raises:
            ValueError: if it cannot be imported, or is no method of symmetry_pl.
        """
        found = imported(self.class_path, f"{self.option}: {self.path}: the class")
        if not (isinstance(found, type) and issubclass(found, SymmetryModule)):
            raise ValueError(f"{self.option}: {self.path} holds a {self.class_path}, no method")
        return found

    def model(self) -> SymmetryModule:
        """The model, on the CPU and in evaluation mode; float64 if it was trained in that."""
        family = self.model_class()
        source: Any = self.path if self.content is None else io.BytesIO(self.content)
        with global_generators_kept():  # networks are drawn before they get weights
            model = family.load_from_checkpoint(source, map_location="cpu", weights_only=True)
        weights: dict[str, Tensor] = self.state["state_dict"]
        names = [name for name, _ in model.named_parameters() if name in weights]
        if names and all(weights[name].dtype == torch.float64 for name in names):
            model.double().load_state_dict(weights)
        return model.eval()

    def weights_into(self, model: SymmetryModule) -> list[str]:
        """Give a model these weights, and nothing else; names that are not in both.

        The model adopts the checkpoint's data, whose sizes its networks get, unless it knows its
        own; it will refuse others than these, as weights mean what the data's scales made of them.

        Raises:
            ValueError: if the weights are those of another model.
        """
        if self.data is not None:
            model.describe_data(self.data, f"{self.option}: the checkpoint {self.path}")
        model.check_weights(self.state["state_dict"], f"{self.option}: {self.path}")
        try:
            found = model.load_state_dict(self.state["state_dict"], strict=False)
        except RuntimeError as error:
            detail = str(error).splitlines()[-1].strip()
            raise ValueError(f"{self.option}: {self.path} fits another model: {detail}") from error
        if len(found.unexpected_keys) == len(self.state["state_dict"]):
            raise ValueError(
                f"{self.option}: {self.path} fits another model: a {self.class_path} shares no "
                f"weight with {type(model).__name__}"
            )
        return [*found.missing_keys, *found.unexpected_keys]


def _loaded(source: Path | io.BytesIO, path: Path, option: str) -> Any:
    try:
        return torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error):
            raise ValueError(
                f"{option}: {path} was not written by symmetry_pl, as it holds Python objects, "
                "which are not loaded"
            ) from error
        raise ValueError(f"{option}: {path} is not a checkpoint") from error
    except Exception as error:  # whatever torch and pickle meet in a damaged file
        if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EIO):
            raise ValueError(f"{option}: {path} cannot be read ({error.strerror})") from error
        raise ValueError(f"{option}: {path} is not a checkpoint") from error


_PARTS: dict[str, type | tuple[type, ...]] = {
    "class": str,
    "batches_seen": int,
    "restarts": int,
    "started_at": int,
    "epochs_given": int,
    "players": list,
    "data": (dict, type(None)),
    "noise_seed": (int, type(None)),
}
"""What a module writes into its own part, and of which type."""


def _check_parts(state: dict[str, Any], own: dict[str, Any], where: str) -> None:
    """Refuse a file that lacks a part, so that nobody meets the gap later."""
    for name, kind in _PARTS.items():
        if not isinstance(own.get(name, ...), kind):
            raise ValueError(f"{where} is damaged: it does not say {name!r}")
    weights = state.get("state_dict")
    if not isinstance(weights, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in weights.items()
    ):
        raise ValueError(f"{where} is damaged: it has no weights")
    if not isinstance(state.get("hyper_parameters"), dict):
        raise ValueError(f"{where} is damaged: it has no options of the model")
