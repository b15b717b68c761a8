"""Names and units of the columns of predictions: those of the user's own data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import DataDescription

__all__ = ["prediction_columns"]

Columns = dict[str, list[Any]]

_LABELS = ("id", "file", "as_written")


def prediction_columns(
    values: Mapping[str, Tensor],
    data: DataDescription,
    source: Mapping[str, list[Any]],
    names: Mapping[str, Sequence[str]] | None = None,
) -> Columns:
    """What is predicted as columns, under the names that the data have.

    IDs, names of files and molecules as a file writes them come first, then row numbers and
    inputs. Inputs of tables, and their reconstructions ``<name>_hat``, are in the user's units;
    those without a name are called ``x_<number>`` and ``x_hat_<number>``. Token ids become SMILES,
    predicted targets are named after the property and its unit, and another tensor ``(B, d)``
    has the ``names`` of its columns, or becomes ``name_0 … name_{d-1}``. A name that is taken
    already gets the suffix ``_predicted``.

    Args:
        values: tensors ``(B,)`` or ``(B, d)``; others are passed over.
        data: names, units and scales.
        source: what the datamodule says of these rows, by column.
        names: of the columns of other tensors, by the tensor's name.

    >>> data = DataDescription("vector", (1,), ("y",), ("eV",), (0.0,), (1.0,),
    ...     extra={"columns": ["length"], "mean": [3.0], "scale": [2.0]})
    >>> prediction_columns({"x_hat": torch.ones(1, 1), "y_hat": torch.ones(1, 1)}, data, {})
    {'length_hat': [5.0], 'y_eV': [1.0]}
    """
    labels = {name: source.get(name) for name in _LABELS}
    inputs = {_label("x", name): column for name, column in source.items() if name not in labels}
    found: Columns = {name: column for name, column in labels.items() if column is not None}
    found |= {"row": []} if "row" in values and "row" not in inputs else {}
    found |= inputs
    for name, tensor in values.items():
        if tensor.ndim > 2 or (name == "x" and inputs):
            continue
        for label, column in _columns(name, tensor, data, names or {}).items():
            while found.get(label):  # ends: each round makes it longer
                label += "_predicted"
            found[label] = column
    return found


def _columns(
    name: str, values: Tensor, data: DataDescription, called: Mapping[str, Sequence[str]]
) -> Columns:
    if name in ("x", "x_hat") and data.kind == "tokens":
        from symmetry_pl.molecules import Vocabulary, representation

        vocabulary, language = Vocabulary(data.symbols), representation(data.representation)
        smiles = [language.decode(symbols) or "" for symbols in vocabulary.decode(values)]
        return {"smiles" if name == "x" else "reconstruction": smiles}
    if name in ("x", "x_hat") and "columns" in data.extra:
        mean, scale = (
            torch.as_tensor(data.extra.get(key, default), dtype=torch.float64)
            for key, default in (("mean", 0.0), ("scale", 1.0))
        )
        own = values.double() * scale + mean
        names = [_label(name, column) for column in data.extra["columns"]]
        return {label: own[:, i].tolist() for i, label in enumerate(names)}
    if name == "y_hat" and data.physical:
        units = [f"_{u}" if u else "" for u in data.target_units]
        names = [f"{t}{u}" for t, u in zip(data.target_names, units, strict=True)]
        return {n: values[:, i].tolist() for i, n in enumerate(names)}
    if values.ndim == 1:
        return {name: values.tolist()}
    names = list(called.get(name, [f"{name}_{i}" for i in range(values.shape[1])]))
    return {label: values[:, i].tolist() for i, label in enumerate(names)}


def _label(what: str, name: str) -> str:
    """Name of an input, or of its reconstruction; of a column that has only a number, with that."""
    if name.isdecimal():
        return f"{what}_{name}"
    return f"{name}_hat" if what == "x_hat" else name
