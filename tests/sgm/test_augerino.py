"""Augerino on clouds: its law, its task, and what it finds where it can."""

import math

import pytest
import torch
from pytorch_lightning import Trainer, seed_everything

from symmetry_pl import Augerino
from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules import TetrahedronDataModule
from symmetry_pl.groups.rotations import rotation_vector

CLOUDS = DataDescription("cloud", (4, 3))


def described(**options):
    model = Augerino(group="so3", width=16, depth=1, **options)
    model.describe_data(CLOUDS)
    return model


def clouds(count=2000):
    return torch.randn(count, 4, 3, generator=torch.Generator().manual_seed(0))


def test_elements_are_uniform_along_each_generator():
    model, widths = described(), torch.tensor([0.2, 0.5, 1.0])
    model.raw_widths.data = widths.expm1().log()
    element = model.drawn(clouds(), torch.arange(2000), 0)
    eta = rotation_vector(element)
    assert bool((eta.abs() <= widths + 1e-5).all())
    torch.testing.assert_close(eta.std(0).float(), widths / 3**0.5, atol=0.02, rtol=0)
    some = model.drawn(clouds(2), torch.tensor([7, 3]), 0)
    torch.testing.assert_close(some, element[[7, 3]])


def test_the_task_of_a_classifier_that_knows_nothing_is_a_coin():
    model = described(start=0.3, regularisation=0.2)
    for parameter in model.classifier.parameters():
        torch.nn.init.zeros_(parameter)
    losses = model.evaluation_loss(clouds(), torch.arange(2000))
    assert float(losses["task_loss"]) == pytest.approx(math.log(2))
    assert float(losses["widths"]) == pytest.approx(0.3)
    paid = 0.2 * 0.3 * 3**0.5
    assert float(losses["augmented_loss"]) == pytest.approx(math.log(2) - paid)


def test_widths_beyond_the_group_are_worth_nothing_more():
    model = described(start=5.0)
    assert float(model.spread().detach()) == pytest.approx(math.pi * 3**0.5)
    assert torch.autograd.grad(model.spread(), model.raw_widths)[0].abs().max() == 0


def test_an_axis_that_is_a_generator_is_found():
    """About z widths grow; across it they shrink."""
    seed_everything(0, verbose=False)
    data = TetrahedronDataModule(group="SO(2)", samples=4000, eval_samples=300, batch_size=500)
    players = {"classifier": {"lr": 3e-3}, "widths": {"lr": 5e-2}}
    model = Augerino(group="so3", width=64, depth=2, regularisation=0.05, players=players)
    trainer = Trainer(
        max_epochs=20,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
    )
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    x, y, z = model.widths.tolist()
    assert z > 1.0
    assert max(x, y) < 0.5 * z
    assert trainer.callback_metrics["test/transport"] > 0


@pytest.mark.parametrize("options", [{"start": 0.0}, {"regularisation": -1.0}])
def test_numbers_out_of_range_are_one_sentence(options):
    with pytest.raises(ValueError, match="start must be positive"):
        Augerino(**options)
