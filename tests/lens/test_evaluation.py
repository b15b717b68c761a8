"""A method without densities is evaluated as a generator; SymmetryLens adds its loss."""

from types import SimpleNamespace

import pytest
import torch
from pytorch_lightning import Trainer
from torch import nn

from symmetry_pl import SymmetryLens
from symmetry_pl.core import DataDescription, Player, Stage
from symmetry_pl.datamodules import SignalsDataModule
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.evaluation import GeneratorEvaluator, true_symmetry
from symmetry_pl.lens.generator_module import GeneratorModule
from symmetry_pl.lens.painter import GeneratorPainter
from symmetry_pl.metrics.generator import ideal_generator

VECTORS = DataDescription("vector", (12,), extra={"topology": "chain"})


def described(axes):
    q = torch.linalg.qr(torch.randn(12, 12, generator=torch.Generator().manual_seed(0)))[0]
    extra = {"ideal_basis": q.tolist(), "topology": "chain", "axes": axes}
    return DataDescription("vector", (12,), extra=extra), q


class Regression(GeneratorModule):
    """G x fitted to the next position, where the pairs are told."""

    class Figures(GeneratorEvaluator):
        def compute(self, model, stage):
            return {"objective": torch.tensor(0.0), **super().compute(model, stage)}

    def configure_networks(self, data):
        self.matrix = nn.Parameter(0.01 * torch.randn(data.x_shape[0], data.x_shape[0]))

    def configure_players(self):
        return {"generator": Player([self.matrix], {"lr": 0.05})}

    def configure_evaluator(self, stage):
        return self.Figures()

    def generators(self):
        return self.matrix[None]

    def training_step(self, batch, batch_idx):
        target = batch[0] @ ideal_generator(torch.eye(self.dim)).T
        with self.turn("generator"):
            self.minimise((batch[0] @ self.matrix.T - target).square().mean())


def test_a_method_of_one_matrix_is_trained_and_scored():
    torch.manual_seed(0)
    model = Regression()
    source = SignalsDataModule(dim=5, samples=400, eval_samples=50, batch_size=50, noise=0.3)
    trainer = Trainer(
        max_epochs=30, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
        check_val_every_n_epoch=30,
    )  # fmt: skip
    trainer.fit(model, source)
    found = trainer.test(model, source, verbose=False)[0]
    assert set(found) == {"test/objective", "test/generator_cosine", "test/generator_power"}
    assert found["test/generator_cosine"] > 0.9
    assert found["test/generator_power"] == 1
    assert model.learned()["generators"].shape == (1, 5, 5)
    pictures = GeneratorPainter().paint(model, model.evaluator("test"), source, {})
    assert [name for name, _ in pictures] == ["generator"]


def test_each_generator_stands_beside_the_true_one_next_to_it():
    data, q = described([[3, "chain"], [4, "ring"]])
    basis, domain = true_symmetry(data)
    assert (basis, domain) == (q.tolist(), Domain(((3, "chain"), (4, "ring"))))
    learned = torch.stack([ideal_generator(q, domain, axis=axis) for axis in (1, 0)])
    model = SimpleNamespace(data=data, generators=lambda: learned, learned=dict)
    found = GeneratorEvaluator().compute(model, Stage("val", thorough=False))
    assert found["generator_cosine"] == pytest.approx(1, abs=1e-6)
    pictures = GeneratorPainter().paint(model, GeneratorEvaluator(), None, {})
    assert [name for name, _ in pictures] == ["generator_1", "generator_2"]


def test_nothing_is_said_of_data_without_a_truth():
    model = SimpleNamespace(data=VECTORS, generators=lambda: torch.eye(12)[None])
    assert GeneratorEvaluator().compute(model, Stage("val", thorough=False)) == {}
    assert true_symmetry(None) is None


def test_a_domain_of_another_size_is_refused():
    data, _ = described([[3, "chain"], [5, "ring"]])
    with pytest.raises(ValueError, match="15 positions, the data 12"):
        true_symmetry(data)


@pytest.mark.parametrize("lifting", [False, True])
def test_the_loss_of_a_set_is_that_of_one_batch_of_all_its_samples(lifting):
    """Two evaluation batches give the figures of one: the loss couples all samples."""
    found = []
    for size in (100, 1000):
        torch.manual_seed(0)
        model = SymmetryLens(init="random", init_scale=0.3, hidden=8)
        source = SignalsDataModule(
            dim=5, samples=400, eval_samples=190, batch_size=50, eval_batch_size=size,
            dtype="float64",
        )  # fmt: skip
        model.describe_data(source.description)
        if lifting:
            model.symmetry.adopt(torch.linalg.qr(torch.randn(5, 5))[0])
        trainer = Trainer(
            accelerator="cpu", logger=False, enable_progress_bar=False, precision="64-true",
        )  # fmt: skip
        found.append(trainer.validate(model, source, verbose=False)[0])
        assert model.measured  # by the evaluation itself
        assert model.evaluator("val").shown["x"].shape == (64, 5)
    assert found[0] == pytest.approx(found[1], abs=1e-9, nan_ok=True)
    assert found[0]["val/objective"] == found[0]["val/loss"]
    # a filter of zeros looks nowhere
    assert ("val/generator_cosine" in found[0]) == ("val/lifting_error" in found[0]) == lifting
