"""``symmetry export``: the file says what the model says, for batches of any size."""

import json

import numpy as np
import pytest
import torch

import symmetry_pl
from symmetry_pl.cli import main
from symmetry_pl.core import DataDescription
from symmetry_pl.export import export
from symmetry_pl.export.graphs import LiftGraph, graph_of
from symmetry_pl.nn.tokens.residual import TripleCounts

RELATIVE = 1e-5
SAMPLES = 5  # neither what a graph is traced on nor what it was compared on


def outputs(path, x):
    """What a ``.pt2`` gives, by name, and its card."""
    files = {"card.json": ""}
    program = torch.export.load(path, extra_files=files)
    card = json.loads(files["card.json"])
    return dict(zip(card["outputs"], program.module()(x), strict=True)), card


def same(found, wanted):
    wanted = torch.as_tensor(np.asarray(wanted))
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= RELATIVE * wanted.abs().max()


@pytest.mark.timeout(300)
def test_a_lens_lifts_signals_in_their_own_units(tmp_path):
    model = symmetry_pl.load("permuted-signals-lens")
    found = export(model.module, tmp_path / "lens.pt2")
    assert found.difference < RELATIVE
    x = np.random.default_rng(0).normal(size=(SAMPLES, 33)).astype(np.float32)
    given, card = outputs(tmp_path / "lens.pt2", torch.from_numpy(x))
    same(given["representation"], model.transform(x))
    assert card == found.card
    assert card["input"] == {"name": "x", "shape": ["batch", 33], "dtype": "float32"}


@pytest.mark.slow  # tracing takes ten seconds and more
@pytest.mark.parametrize("name", ["qm9-isomers", "zinc-token-flow"])
def test_codes_and_targets_of_molecules(name, tmp_path):
    model = symmetry_pl.load(name)
    found = export(model.module, tmp_path / "model.pt2")
    x = graph_of(model.module).example(SAMPLES, torch.Generator().manual_seed(5))
    given, card = outputs(tmp_path / "model.pt2", x)
    with torch.no_grad():
        code = model.module.encode(x)
        targets = model.module.physical(model.module.predict_target(code).double())
    same(given["z1"], code.z1)
    same(given["y"], targets)
    if "z0" in given:  # the arithmetic code of a token flow is no graph
        same(given["z0"], code.z0)
    assert card["targets"] == dict(zip(model.target_names, model.target_units, strict=True))
    assert card["symbols"] == list(model.data.symbols)
    assert found.difference < RELATIVE


@pytest.mark.slow
def test_prototypes_and_elements_of_images(tmp_path):
    model = symmetry_pl.load("mnist-affine-sgm")
    found = export(model.module, tmp_path / "sgm.pt2")
    x = graph_of(model.module).example(SAMPLES, torch.Generator().manual_seed(5))
    given, card = outputs(tmp_path / "sgm.pt2", x)
    same(given["prototypes"][:, 0], model.transform(x[:, 0].numpy()))
    same(given["elements"], model.elements(x[:, 0].numpy()))
    assert card["elements"] == list(model.element_names)
    assert found.difference < RELATIVE


@pytest.mark.slow
def test_onnx_says_the_same(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    model = symmetry_pl.load("permuted-signals-lens")
    found = export(model.module, tmp_path / "lens.onnx")
    assert found.difference < RELATIVE
    session = runtime.InferenceSession(str(tmp_path / "lens.onnx"))
    x = np.random.default_rng(0).normal(size=(SAMPLES, 33)).astype(np.float32)
    same(torch.from_numpy(session.run(None, {"x": x})[0]), model.transform(x))
    assert session.get_modelmeta().custom_metadata_map["model"] == "SymmetryLens"


def test_columns_far_from_zero_keep_their_digits():
    model = symmetry_pl.load("permuted-signals-lens")
    data = model.data
    model.module.data = DataDescription(
        **{**data.__dict__, "extra": {**data.extra, "mean": 4096.0, "scale": 0.5}}
    )
    graph = graph_of(model.module)
    assert isinstance(graph, LiftGraph)
    x = torch.randn(4, 33).mul(64).round().div(64)  # exact in float32 beside the mean
    with torch.no_grad():
        same(graph(4096 + 0.5 * x)[0], model.module.symmetry(x))


def test_triples_of_padded_rows_are_those_of_packed_ones():
    triples = TripleCounts(4, 6, 3)
    tokens = torch.tensor([[1, 2, 0, 0], [3, 1, 2, 2], [0, 0, 0, 0]])
    e = torch.randn(3, 4, 4)
    lengths = torch.tensor([3, 4, 1])
    assert torch.allclose(triples._padded(lengths, e), triples._total(lengths, e), atol=1e-6)
    assert triples(tokens, e).shape == (3, 3)


def test_what_cannot_be_exported_is_said_before_anything_is_written(tmp_path, capsys):
    out = tmp_path / "lens.pt2"
    assert main(["export", "permuted-signals-lens", str(tmp_path / "lens.pth")]) == 2
    assert "lens.pth must end in .pt2 or .onnx" in capsys.readouterr().err
    assert main(["export", "no-such-model", str(out)]) == 2
    assert "no-such-model" in capsys.readouterr().err
    out.write_text("mine")
    assert main(["export", "permuted-signals-lens", str(out)]) == 2
    assert "is there already: give another name, or --overwrite" in capsys.readouterr().err
    assert out.read_text() == "mine"
    with pytest.raises(ValueError, match="a LieDerivative has no encoder to export"):
        graph_of(object.__new__(symmetry_pl.LieDerivative))


def test_the_command_prints_the_card(tmp_path, capsys):
    out = tmp_path / "lens.pt2"
    assert main(["export", "permuted-signals-lens", str(out)]) == 0
    said = capsys.readouterr().out
    assert '"model": "SymmetryLens"' in said
    assert "of its outputs' size" in said
    assert out.stat().st_size > 0
