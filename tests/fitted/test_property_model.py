"""Molecules of a trained PropertyGenerator from Python, as the command draws them."""

import warnings

import pytest
from pytorch_lightning import Trainer
from small_generator import small_generator

import symmetry_pl
from symmetry_pl.fitted import PropertyModel, fitted_model
from symmetry_pl.generate.asked import draw_asked
from symmetry_pl.molecules import PROPERTIES, canonical_smiles

LOGP = PROPERTIES["logp_rdkit"]


@pytest.fixture
def model():
    """Of chains of at most four carbons and oxygens; it says the same of all molecules."""
    return fitted_model(small_generator())


def test_molecules_are_those_of_the_command(model):
    assert isinstance(model, PropertyModel)
    assert model.asked_names == ["logp_rdkit", "weight_rdkit"]
    found = model.generate(5, properties={"logp": 0.5, "weight": 46.0}, seed=3)
    wanted = {"logp_rdkit": 0.5, "weight_rdkit": 46.0}
    drawn = draw_asked(model.module, model.data, wanted, 5, seed=3)
    assert found == [molecule.smiles for molecule in drawn.molecules]
    assert len(set(found)) == 5
    assert [canonical_smiles(smiles) for smiles in found] == found


def test_rdkit_judges_where_it_is_asked_to(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there may be fewer than eight
        found = model.generate(8, properties={"logp": 0.0}, within={"logp": 0.4}, judge="rdkit")
    assert found
    assert max(abs(LOGP(smiles)) for smiles in found) <= 0.4


def test_what_is_missing_is_said(model):
    with pytest.warns(UserWarning, match=r"only \d of 3 molecules: 150 strings were drawn, .* far"):
        model.generate(3, properties={"logp": 0.0}, within={"logp": 1e-6}, judge="rdkit")
    with pytest.warns(UserWarning, match="7.1 standard deviations from the mean"):
        model.generate(1, properties={"logp": 5.3})


def test_a_checkpoint_gives_it(model, tmp_path):
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    trainer.strategy.connect(model.module)
    trainer.save_checkpoint(tmp_path / "asked.ckpt")
    again = symmetry_pl.load(tmp_path / "asked.ckpt")
    asked = {"logp": 0.5}
    assert again.generate(4, properties=asked) == model.generate(4, properties=asked)
    with pytest.raises(ValueError, match="a PropertyGenerator predicts no targets"):
        again.predict(["CC"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"n": 0, "properties": {"logp": 1.0}}, "n must be at least 1, got 0"),
        ({"properties": {}}, "properties: ask for one at least, of logp_rdkit, weight_rdkit"),
        ({"properties": {"psa": 1.0}}, "properties: the model knows no 'psa', only logp_rdkit"),
        ({"properties": {"logp": float("nan")}}, "properties.logp must be a finite number"),
        ({"properties": {"weight": -3.0}}, "properties: weight_rdkit is at least 1, got -3"),
        (
            {"properties": {"logp": 1.0}, "within": {"weight": 1.0}},
            "within: no weight_rdkit was asked for",
        ),
        ({"properties": {"logp": 1.0}, "judge": "rdkit"}, "say within which distance"),
        ({"properties": {"logp": 1.0}, "judge": "xtb"}, "judge must be model or rdkit, got 'xtb'"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(model, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        model.generate(**arguments)


def test_a_model_without_sums_does_not_judge():
    module = small_generator(estimates="none")
    with pytest.raises(ValueError, match="says no properties of its own: judge by rdkit"):
        fitted_model(module).generate(properties={"logp": 1.0}, within={"logp": 1.0})
