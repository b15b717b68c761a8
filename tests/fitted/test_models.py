"""What trained models make of arrays and SMILES, on networks with random weights."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer

import symmetry_pl
from symmetry_pl import CVAE, SGM, VAE, FlowSTIB, SymmetryLens, TokenFlowSTIB
from symmetry_pl.core import DataDescription
from symmetry_pl.fitted import FittedModel, fitted_model
from symmetry_pl.molecules import Vocabulary, canonical_smiles, representation

RNG = np.random.default_rng(0)
COLUMNS = ["height", "mass", "age"]
TABLE = DataDescription(
    "vector", (3,), ("gap", "dipole"), ("eV", "D"), (5.0, -200.0), (2.0, 30.0),
    extra={"columns": COLUMNS, "mean": [1.0, 200.0, -3.0], "scale": [1.0, 50.0, 0.1]},
)  # fmt: skip
X = RNG.normal(size=(50, 3)) * [1.0, 50.0, 0.1] + [1.0, 200.0, -3.0]
SMILES = ["CCO", "CC(C)O", "OCC=O", "CC(O)C=O"]
SYMBOLS = representation("selfies")


class Frame:
    """A data frame, by duck typing: columns by name, and an array."""

    def __init__(self, **columns):
        self.data, self.columns = columns, list(columns)

    def __getitem__(self, names):
        return Frame(**{name: self.data[name] for name in names})

    def __array__(self, dtype=None, copy=None):
        return np.column_stack(list(self.data.values()))


def made(module, data, dtype=torch.float32):
    torch.manual_seed(0)
    module.describe_data(data)
    return fitted_model(module.to(dtype))


@pytest.fixture(scope="module")
def stib():
    return made(FlowSTIB(z1_dim=1, flow="coupling", flow_options={"bins": 4, "width": 8}), TABLE)


@pytest.fixture(scope="module")
def molecules():
    sequences = [SYMBOLS.encode(smiles) for smiles in SMILES]
    symbols = Vocabulary.from_sequences(sequences).symbols
    data = DataDescription(
        "tokens", (8,), ("gap",), ("eV",), (6.0,), (0.5,), symbols, "selfies"
    )  # fmt: skip
    small = {"width": 8, "hidden": 8, "blocks": 1, "embedding": 4, "counts": 4}
    return made(TokenFlowSTIB(latent_dim=4, width=8, blocks=1, encoder_options=small), data)


@pytest.fixture(scope="module")
def images():
    small = {"encoder": "conv", "widths": [8], "hidden": [8], "base_hidden": [8], "layers": 2}
    options = {"bounds": [0.1, 0.1, 0.5, 0.1, 0.1, 0.1], "chart": "polar"}
    data = DataDescription("image", (1, 9, 9), extra={"value_range": [0, 16], "invert": True})
    module = SGM(group_options=options, generative_options=small, inference_options={"widths": [8]})
    return made(module, data)


@pytest.fixture(scope="module")
def lens():
    data = DataDescription("vector", (5,), extra={"mean": 3.0, "scale": 2.0})
    model = made(SymmetryLens("ring"), data)
    basis = torch.linalg.qr(torch.from_numpy(RNG.normal(size=(5, 5))))[0]
    model.module.symmetry.adopt(basis)
    return model, basis.numpy()


PICTURES = RNG.integers(0, 17, (12, 9, 9)).astype(float)


# -- vectors -------------------------------------------------------------------------------------


def test_units_are_the_users_and_rows_keep_their_order(stib):
    standard = torch.from_numpy((X - [1, 200, -3]) / [1, 50, 0.1]).float()
    with torch.no_grad():
        code = stib.module.encode(standard)
        y = stib.module.predict_target(code)
    codes, predictions = stib.transform(X), stib.predict(X)
    assert np.allclose(codes, torch.cat([code.z1, code.z0], 1), atol=1e-6)
    assert np.allclose(predictions, y * torch.tensor([2.0, 30.0]) + torch.tensor([5.0, -200.0]))
    assert np.allclose(stib.inverse_transform(codes), X, rtol=1e-4)
    assert [part.shape for part in stib.parts(codes)] == [(50, 1), (50, 2)]
    small = fitted_model(stib.module)
    small.batch_size = 7
    assert np.allclose(small.predict(X), predictions, rtol=1e-6)
    assert np.allclose(small.transform(X[::-1]), codes[::-1], atol=1e-6)


def test_nothing_random_is_moved_and_gradients_are_off(stib):
    before = torch.get_rng_state()
    stib.module.train()
    stib.generate(3, like=X[0])
    assert torch.equal(before, torch.get_rng_state())
    assert not stib.module.training


def test_double_precision_is_kept_from_fit_to_file(tmp_path):
    module = FlowSTIB(flow="coupling", flow_options={"bins": 4, "width": 8})
    trainer = Trainer(
        max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, precision="64-true", limit_val_batches=0, accelerator="cpu",
    )  # fmt: skip
    from symmetry_pl.datamodules import ArrayDataModule

    trainer.fit(module, ArrayDataModule.from_arrays(X, X[:, 0], batch_size=20, dtype="float64"))
    trainer.save_checkpoint("m.ckpt")
    before = torch.get_rng_state()
    model = symmetry_pl.load("m.ckpt")
    assert torch.equal(before, torch.get_rng_state())
    assert model.module.dtype == torch.float64
    found = torch.cat([p.flatten() for p in model.module.parameters()])
    assert torch.equal(found, torch.cat([p.flatten() for p in module.parameters()]))
    assert model.transform(X).dtype == np.float32


def test_columns_of_a_frame_are_found_by_name(stib):
    frame = Frame(age=X[:, 2], id=X[:, 0] * 0, height=X[:, 0], mass=X[:, 1])
    assert np.array_equal(stib.predict(frame), stib.predict(X))
    with pytest.raises(ValueError, match="x lacks the column 'mass' that the model was trained"):
        stib.predict(Frame(age=X[:, 2], height=X[:, 0]))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X[:, :2], r"x must be real numbers \(N, 3\), .* of shape \(50, 2\)"),
        (X[0], r"of shape \(3,\)"),
        (X[:0], "x has no rows"),
        ([["a", "b", "c"]], "x must be real numbers"),
        (np.array([["a", 1, 2]], object), "x must be numbers: could not convert"),
    ],
)
def test_what_is_no_table_is_one_sentence(stib, x, message):
    with pytest.raises(ValueError, match=message) as caught:
        stib.predict(x)
    assert "\n" not in str(caught.value)


def test_bad_rows_are_named_or_become_nan(stib):
    bad = X.copy()
    bad[3, 1], bad[7, 0], bad[9, 2] = np.nan, np.inf, 1e60
    where = (
        r"x has 3 of 50 rows .* \(row 3 is nan in column 'mass', row 7 is inf in column 'height'"
    )
    with pytest.raises(ValueError, match=where):
        stib.predict(bad)
    for method in (stib.predict, stib.transform):
        found = method(bad, on_invalid="nan")
        assert np.isnan(found[[3, 7, 9]]).all()
        kept = np.setdiff1d(np.arange(50), [3, 7, 9])
        assert np.allclose(found[kept], method(X)[kept], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="on_invalid must be raise or nan, got 'drop'"):
        stib.predict(bad, on_invalid="drop")
    with pytest.raises(ValueError, match="x has no row that can be used: row 0 is nan"):
        stib.predict(bad[3:4], on_invalid="nan")


def test_new_vectors_keep_their_targets_and_follow_the_seed(stib):
    new = stib.generate(20, like=X[0], seed=1)
    assert new.shape == (20, 3)
    assert np.allclose(stib.predict(new), stib.predict(X[:1]), rtol=1e-3)
    assert np.array_equal(new, stib.generate(20, like=X[0], seed=1))
    assert not np.allclose(new, stib.generate(20, like=X[0], seed=2))
    assert stib.parts(stib.transform(new))[1].std(0) == pytest.approx([1, 1], abs=0.5)
    value = float(stib.predict(X)[5, 0])
    found = stib.predict(stib.generate(5, fixed={"gap": value}))[:, 0]
    assert found == pytest.approx(value, abs=0.02)
    around = stib.generate(60, like=X[0], around=X, spread=0.0)
    visited = stib.parts(stib.transform(around))[1]
    known = stib.parts(stib.transform(X))[1]
    assert np.abs(np.sort(visited[:50], 0) - np.sort(known, 0)).max() < 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give either like, a sample, or fixed, targets by name"),
        ({"fixed": {"gap": 1.0}, "like": X[0]}, "give either like"),
        ({"fixed": {"mass": 1.0}}, "fixed: the model knows no 'mass', only gap, dipole"),
        ({"fixed": {"gap": float("nan")}}, "fixed.gap must be a finite number"),
        ({"like": X[0], "n": 0}, "n must be at least 1"),
        ({"like": X[0], "within": {"gap": 1.0}}, "within is for molecules"),
    ],
)
def test_what_cannot_be_generated_is_one_sentence(stib, options, message):
    with pytest.raises(ValueError, match=message):
        stib.generate(**options)


def test_methods_that_are_told_targets_say_so():
    model = made(CVAE(autoencoder_options={"width": 8}), TABLE)
    codes = model.transform(X)
    assert model.code_names == ["z0_0", "z0_1"]
    y = RNG.normal(size=(50, 2)) * [2.0, 30.0] + [5.0, -200.0]
    assert model.inverse_transform(codes, y).shape == (50, 3)
    assert model.generate(4, fixed={"gap": 5.0, "dipole": -200.0}).shape == (4, 3)
    for call, message in (
        (lambda: model.predict(X), "a CVAE is told the targets and predicts none"),
        (lambda: model.inverse_transform(codes), "a CVAE decodes codes with targets: give y"),
        (lambda: model.inverse_transform(codes, y[:9]), "codes has 50 rows and y has 9"),
        (lambda: model.generate(4, like=X[0]), "cannot read those of like: give fixed"),
        (lambda: model.generate(4, fixed={"gap": 5.0}, around=X), "leave around out"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_method_without_z1_takes_the_nearest_codes():
    model = made(VAE(autoencoder_options={"width": 8}), TABLE)
    gaps = model.predict(model.inverse_transform(model.transform(X)))[:, 0]
    assert model.generate(4, fixed={"gap": float(gaps.mean())}).shape == (4, 3)
    with pytest.raises(ValueError, match="a VAE decodes codes alone: leave y out"):
        model.inverse_transform(model.transform(X), X[:, :2])


def test_other_families_have_their_module_alone(stib):
    plain = FittedModel(stib.module)
    for call, message in (
        (lambda: plain.predict(X), "a FlowSTIB predicts no targets"),
        (lambda: plain.transform(X), "a FlowSTIB has no codes"),
        (lambda: plain.inverse_transform(X), "a FlowSTIB has no codes"),
        (lambda: plain.generate(5), "a FlowSTIB draws no samples"),
        (lambda: fitted_model(FlowSTIB()), "the FlowSTIB was trained on plain loaders"),
        (lambda: FittedModel(stib.module, 0), "batch_size must be at least 1, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


# -- molecules -----------------------------------------------------------------------------------


def test_molecules_there_and_back(molecules):
    codes = molecules.transform(SMILES)
    assert codes.shape == (4, 4)
    assert molecules.predict(np.array(SMILES, object)).shape == (4, 1)
    back = molecules.inverse_transform(codes)
    assert [canonical_smiles(s) for s in back] == [canonical_smiles(s) for s in SMILES]


def test_unreadable_molecules_are_named_or_become_nan(molecules):
    smiles = ["CCO", "CC(", None, "CCBr", "C" * 30]
    with pytest.raises(ValueError, match=r"x has 4 of 5 rows .*row 1 \('CC\('\): .*row 2 \(None"):
        molecules.predict(smiles)
    found = molecules.predict(smiles, on_invalid="nan")
    assert np.isnan(found[:, 0]).tolist() == [False, True, True, True, True]
    assert np.allclose(found[0], molecules.predict(["CCO"]), atol=1e-6)
    with pytest.raises(ValueError, match="x is one text, 'CCO': give a list of SMILES"):
        molecules.predict("CCO")
    with pytest.raises(ValueError, match="x must be a list of SMILES, got a ndarray"):
        molecules.predict(X)


def test_new_molecules(molecules):
    new = molecules.generate(3, like="CCO", seed=1)
    assert len(new) == len(set(new)) == 3
    assert "CCO" not in new
    assert all(canonical_smiles(smiles) == smiles for smiles in new)
    assert new == molecules.generate(3, like="CCO", seed=1)
    assert molecules.generate(2, fixed={"gap": 6.0}, around=SMILES)
    with pytest.warns(UserWarning, match=r"only \d+ of 5 molecules in 250 codes"):
        assert len(molecules.generate(5, like="CCO", within={"gap": 0.0})) < 5


def test_the_example_of_the_docs(molecules, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text()
    block = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]
    monkeypatch.setattr(symmetry_pl, "load", lambda path: molecules)
    made: dict = {}
    exec(block, made)
    assert (made["y"].shape, made["z1"].shape, made["z0"].shape) == ((2, 1), (2, 1), (2, 3))
    assert made["smiles"] == ["CCO", "O=CCO"]
    assert made["new"]


# -- images --------------------------------------------------------------------------------------


def test_prototypes_and_elements_make_the_image(images):
    prototypes, elements = images.transform(PICTURES), images.elements(PICTURES)
    assert (prototypes.shape, elements.shape) == ((12, 9, 9), (12, 6))
    assert len(images.element_names) == 6
    x = torch.from_numpy(1 - PICTURES / 8)[:, None].float()  # inverted: 0 is white
    with torch.no_grad():
        expected, element = images.module.canonicalise(x)
        again = images.module.group.apply(element, expected)
    assert np.allclose(prototypes, 8 - 8 * expected[:, 0].numpy(), atol=1e-4)
    back = images.inverse_transform(prototypes, elements)
    assert np.allclose(back, 8 - 8 * again[:, 0].numpy(), atol=1e-3)
    with pytest.raises(ValueError, match="there are 12 prototypes and 3 elements"):
        images.inverse_transform(prototypes, elements[:3])
    with pytest.raises(ValueError, match=r"prototypes must be finite floats \(N, 9, 9\)"):
        images.inverse_transform(prototypes[:, :8], elements)


def test_orbits_are_drawn_once_the_flow_is_trained(images):
    with pytest.raises(ValueError, match="a SGM without its second phase has no p"):
        images.resample(PICTURES)
    images.module.fitted.fill_(True)
    drawn = images.resample(PICTURES, seed=1)
    assert drawn.shape == PICTURES.shape
    assert np.array_equal(drawn, images.resample(PICTURES, seed=1))
    assert np.allclose(drawn[:4], images.resample(PICTURES[:4], seed=1), atol=1e-3)
    assert images.generate(5, like=PICTURES[0]).shape == (5, 9, 9)
    assert images.log_prob(PICTURES).shape == (12,)
    with pytest.raises(ValueError, match="give n above 0 and like, an image"):
        images.generate(5)


def test_unusable_images_are_named(images):
    bad = PICTURES.copy()
    bad[2], bad[5, 0, 0] = 3.0, np.nan
    with pytest.raises(
        ValueError, match=r"2 of 12 rows .*row 2 is all of one value, row 5 has mis"
    ):
        images.transform(bad)
    assert np.isnan(images.transform(bad, on_invalid="nan")[[2, 5]]).all()
    with pytest.raises(ValueError, match=r"x has images of 8 x 9 pixels, .* trained on 9 x 9"):
        images.transform(PICTURES[:, :8])
    with pytest.raises(ValueError, match="a SGM predicts no targets"):
        images.predict(PICTURES)


# -- signals -------------------------------------------------------------------------------------


def test_the_symmetry_shifts_the_representation(lens):
    model, basis = lens
    x = RNG.normal(size=(9, 5)) * 2 + 3
    codes = model.transform(x)
    assert np.allclose(model.inverse_transform(codes), x, atol=1e-4)
    moved = model.move(x, 1.0)
    standard, after = (x - 3) / 2 @ basis.T, (moved - 3) / 2 @ basis.T
    assert np.allclose(after, np.roll(standard, -1, 1), atol=1e-5)
    assert np.allclose(model.move(moved, np.full(9, -1.0)), x, atol=1e-5)
    assert np.allclose((x - 3) / 2 @ model.generator.T * 2 + 3, moved, atol=1e-5)
    amounts = np.linspace(-1, 1, 9)
    one_by_one = [model.move(x[i : i + 1], amounts[i])[0] for i in range(9)]
    assert np.allclose(model.move(x, amounts), one_by_one, atol=1e-5)


def test_what_a_lens_cannot_do_is_one_sentence(lens):
    model, _ = lens
    x = RNG.normal(size=(4, 5))
    for call, message in (
        (lambda: model.predict(x), "a SymmetryLens predicts no targets"),
        (lambda: model.generate(5), "a SymmetryLens draws no samples: move"),
        (lambda: model.move(x, [1.0, 2.0]), r"t must be one real number or 4, got shape \(2,\)"),
        (lambda: model.loss(x), "x has 4 rows, and a loss that couples samples needs 5"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
