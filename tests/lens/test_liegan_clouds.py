"""LieGAN on clouds of points: samples of vectors, and the group of its elements."""

import math

import pytest
import torch
from pytorch_lightning import Trainer, seed_everything

from symmetry_pl import LieGAN
from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules import TetrahedronDataModule
from symmetry_pl.groups.rotations import random_rotations
from symmetry_pl.lens.cloud_elements import as_vectors, nearest_rotation


def test_clouds_are_samples_of_vectors():
    cloud, vector = DataDescription("cloud", (4, 3)), DataDescription("vector", (12,))
    assert as_vectors(cloud, 4, "LieGAN") == vector
    assert as_vectors(vector, 3, "LieGAN") == vector
    with pytest.raises(ValueError, match=r"4 vectors to LieGAN: set model\.blocks to 4, it is 1"):
        LieGAN().describe_data(cloud)


@pytest.mark.parametrize("dim", [2, 3])
def test_the_nearest_rotation_of_a_stretched_one_is_itself(dim):
    turns = random_rotations(20, dim, torch.Generator().manual_seed(0))
    stretch = torch.diag(torch.arange(1.0, dim + 1, dtype=torch.float64))
    torch.testing.assert_close(nearest_rotation(turns @ stretch), turns)


def test_elements_of_known_generators_are_scored_against_the_hidden_group():
    """Turns about z by normal angles of a large variance are SO(2) about z."""
    seed_everything(0, verbose=False)
    data = TetrahedronDataModule(group="SO(2)", samples=400, eval_samples=300, batch_size=100)
    model = LieGAN(blocks=4, widths=[8])
    data.setup()
    model.describe_data(data.description)
    algebra = torch.zeros(1, 3, 3)
    algebra[0, 1, 0], algebra[0, 0, 1] = 8.0, -8.0
    model.group.free.data.copy_(algebra)
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.test(model, data, verbose=False)
    found = {k.split("/")[1]: float(v) for k, v in trainer.callback_metrics.items()}
    assert found["transport"] < 3 * found["transport_floor"]
    assert found["group_right"] == 1
    assert found["elements_off"] == 0
    assert found["transport_random"] == pytest.approx(math.pi / 2, abs=0.15)
