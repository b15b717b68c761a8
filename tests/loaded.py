"""What a loaded model says of the inputs that ``symmetry predict`` has written beside its own."""

import csv

import numpy as np
import pytest

import symmetry_pl

CLOSE = {"rtol": 1e-6, "atol": 1e-6}


def table(path):
    """Columns of a CSV file, as text."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def numbers(columns, names):
    """Some columns ``(N, len(names))``."""
    return np.array([[float(value) for value in columns[name]] for name in names]).T


def assert_same_predictions(checkpoint, columns):
    """Codes and targets equal those of a table of predictions, where that has the inputs."""
    model = symmetry_pl.load(checkpoint)
    vectors = [name for name in columns if name.startswith("x_") and name[2:].isdigit()]
    x = numbers(columns, vectors) if vectors else columns.get("smiles")
    if x is None:
        return
    if isinstance(model.module, symmetry_pl.PropertyGenerator):
        with pytest.raises(ValueError, match="has no codes"):
            model.transform(x)
        return
    codes = model.transform(x)
    assert codes.dtype == np.float32
    assert np.allclose(codes, numbers(columns, model.code_names), **CLOSE)
    if not model.module.needs_targets:
        units = zip(model.target_names, model.target_units, strict=True)
        names = [f"{name}_{unit}" if unit else name for name, unit in units]
        if not model.data.physical:
            names = [name for name in columns if name.startswith("y_hat_")]
        predicted = model.predict(x)
        assert predicted.dtype == np.float64
        assert np.allclose(predicted, numbers(columns, names), **CLOSE)
        if not vectors:
            found = [smiles or "" for smiles in model.inverse_transform(codes)]
            assert found == columns["reconstruction"]
