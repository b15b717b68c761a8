"""Targets of image files, from a CSV file that names them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from symmetry_pl.datamodules.files.array_files import chosen_columns
from symmetry_pl.datamodules.files.number_table import read_number_table
from symmetry_pl.datamodules.targets import Targets
from symmetry_pl.messages import listed, quoted

__all__ = ["read_labels"]

_FILE = "file"


def read_labels(
    path: Path, names: Sequence[str], targets: Sequence[str], units: Mapping[str, str]
) -> tuple[Targets, dict[int, str]]:
    """Targets of images, and why some have none.

    Args:
        path: a CSV file with a column ``file`` and one a target.
        names: of the images' files, as that column has them.
        targets: names of the columns to predict.
        units: of targets, by name.

    Returns:
        Targets ``(N, t)``, NaN where there are none, and reasons by place.

    Raises:
        ValueError: for a column that there is not, a file that is named twice, or labels of none of
            the images.
    """
    where = f"{path} (data.labels)"
    table = read_number_table(
        path,
        lambda columns: (
            chosen_columns(where, columns, targets, "data.targets"),
            chosen_columns(where, columns, [_FILE], "data.labels"),
        ),
        known=(_FILE,),
    )
    places = chosen_columns(where, table.names, targets, "data.targets")
    table.check_notation(places)
    (files,) = table.texts.values()
    row_of = {name: row for row, name in enumerate(files)}
    if len(row_of) < len(files):
        twice = next(name for row, name in enumerate(files) if row_of[name] != row)
        raise ValueError(f"{where} names the file {quoted(twice)} twice")
    absent = sorted(row_of.keys() - set(names))
    if len(absent) == len(files):
        raise ValueError(
            f"{where} names {listed([quoted(name) for name in absent], 3)}, none of which is an "
            "image: name files by their paths relative to data.path"
        )
    if absent:
        warnings.warn(
            f"{where}: there is no image {listed([quoted(name) for name in absent], 3)}",
            stacklevel=5,
        )
    reasons = {fault.row: f"has no label: {fault}" for fault in reversed(table.faults(places))}
    values = np.full((len(names), len(places)), np.nan)
    bad: dict[int, str] = {}
    for i, name in enumerate(names):
        row = row_of.get(name)
        if row is None or row in reasons:
            bad[i] = f"is not in {path}" if row is None else reasons[row]
        else:
            values[i] = [table.numbers[place].values[row] for place in places]
    called = tuple(table.names[place] for place in places)
    return Targets(values, called, tuple(units.get(name, "") for name in called)), bad
