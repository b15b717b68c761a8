"""Names of tables of predictions: none replaces that of another file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from symmetry_pl.datamodules.base import SymmetryDataModule

__all__ = ["prediction_name"]

_OWN = "predictions"


def prediction_name(data: SymmetryDataModule, run: Path | None) -> str:
    """``predictions``, with the name of what is predicted where that is not the run's own file.

    Args:
        data: what is predicted.
        run: folder of the run that the model is of; None for a model of none.
    """
    if run is None or data.own_file is None or _same(data.own_file, _source_of(run)):
        return _OWN
    name = data.own_file.name.removesuffix(".gz")
    return f"{_OWN}_{name if data.own_file.is_dir() else Path(name).stem}"


def _source_of(run: Path) -> Any:
    """The file that a run was trained on, as its config names it; None where it names none."""
    config = run / "config.yaml"
    if not config.is_file():
        return None
    read = yaml.safe_load(config.read_text(encoding="utf-8"))
    section = read.get("data") if isinstance(read, dict) else None
    options = section.get("init_args") if isinstance(section, dict) else None
    found = options if isinstance(options, dict) else {}
    return found.get("path") or found.get("file")


def _same(source: Path, own: Any) -> bool:
    return isinstance(own, str) and source.resolve() == Path(own).expanduser().resolve()
