"""Groups by name, by path, and of a user's own, from the registry to SGM's pictures."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from pytorch_lightning import Trainer

from symmetry_pl import SGM
from symmetry_pl.callbacks.figures import Figures
from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules import ImagesDataModule
from symmetry_pl.groups import ImageGroup, build_group, register
from symmetry_pl.testing import assert_group


class Scale(ImageGroup):
    """Images grow by e^η about their centre: a group of a user's own."""

    def __init__(self, bounds=(0.3,)):
        super().__init__(["log scale"], [""], bounds, element_shape=(1,))

    def element(self, eta):
        return eta

    def coordinates(self, element):
        return element

    def compose(self, first, then):
        return first + then

    def inverse(self, element):
        return -element

    def apply(self, element, x):
        theta = torch.zeros(len(x), 2, 3, dtype=x.dtype, device=x.device)
        theta[:, 0, 0] = theta[:, 1, 1] = torch.exp(-element[:, 0].to(x))
        grid = F.affine_grid(theta, list(x.shape), align_corners=False)
        return F.grid_sample(x + 1, grid, align_corners=False) - 1

    def identity(self, count, *, dtype=None, device=None):
        return torch.zeros(count, 1, dtype=dtype, device=device)


def test_a_group_of_ones_own_keeps_the_laws():
    assert_group(Scale(), dtype=torch.float64)


@pytest.mark.parametrize("by", ["name", "path"])
def test_it_trains_tests_predicts_and_is_pictured_in_sgm(by, tmp_path):
    register("squares", Scale)  # stays for the rest of the process, so a name of its own
    name = "squares" if by == "name" else f"{__name__}.Scale"
    images = torch.zeros(60, 1, 12, 12, dtype=torch.uint8)
    for i, image in enumerate(images):
        reach = 1 + i % 4
        image[0, 6 - reach : 6 + reach, 6 - reach : 6 + reach] = 255
    np.save(tmp_path / "squares.npy", images[:, 0].numpy())
    data = ImagesDataModule(path=str(tmp_path / "squares.npy"), batch_size=8, eval_batch_size=16)
    generative = {"widths": [8], "layers": 2, "hidden": [8], "base_hidden": []}
    model = SGM(
        group=name, inference="mlp", inference_options={"widths": [8]}, copies=2,
        generative_options=generative, orbit_size=2, orbit_images=4,
    )  # fmt: skip
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(
        max_epochs=2, accelerator="cpu", enable_model_summary=False,
        callbacks=[Figures(tmp_path / "run")], **quiet,
    )  # fmt: skip
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    assert math.isfinite(trainer.callback_metrics["test/prototype_spread"])
    found = trainer.predict(model, data)
    assert found[0]["eta"].shape[1] == 1
    drawn = {path.stem for path in (tmp_path / "run/figures/test").glob("*.png")}
    assert {"prototypes", "orbits", "densities"} <= drawn


def test_what_is_no_group_is_one_sentence():
    for name, message in [
        ("projective", r"group must be one of .*'affine'.*class of your own"),
        ("nowhere.Group", "cannot be imported"),
        ("datetime.date.today", "cannot be imported"),
        ("math.pi", "is no class"),
        ("fractions.Fraction", "gives a Fraction, which is no ImageGroup"),
    ]:
        with pytest.raises(ValueError, match=message):
            build_group(name)
    with pytest.raises(ValueError, match="already"):
        register("affine", Scale)
    with pytest.raises(ValueError, match="no dots"):
        register("my.scale", Scale)
    with pytest.raises(ValueError, match="'fraction' is a Fraction, which is no ImageGroup"):
        register("fraction", Fraction)
    path = f"{__name__}.Scale"
    needs = "no frame for a Scale: inference frame needs an AffineGroup, a ColorGroup, or a product"
    with pytest.raises(ValueError, match=needs):
        SGM(group=path)
    network = SGM(group=path, inference="torch.nn.Identity")
    with pytest.raises(ValueError, match="gives a Identity, which is no InferenceNetwork"):
        network.describe_data(DataDescription("image", (1, 12, 12)))


def test_charts_of_ones_own_are_checked():
    for options, message in [
        ({"units": []}, r"units of Scale must be 1 \(log scale\), got 0"),
        ({"periods": [1.0, None]}, "periods of Scale must be 1 numbers"),
        ({"periods": [0.0]}, "a period must be positive, got 0 for the log scale"),
    ]:
        with pytest.raises(ValueError, match=message):
            ImageGroup.__init__(
                Scale(), **{"names": ["log scale"], "units": [""], "bounds": [1.0],
                            "element_shape": (1,), **options},
            )  # fmt: skip


def test_within_draws_from_other_bounds_and_leaves_the_group_alone():
    group = build_group("affine_color", affine_bounds=[0.2] * 5)
    narrow = group.within([0.0] * 7 + [0.1])
    assert group.bounds == (0.5, 2.301, 0.51, *[0.2] * 5)
    low, high = narrow.from_uniform(torch.tensor([[0.0] * 8, [1.0] * 8]))
    torch.testing.assert_close(high - low, torch.tensor([0.0] * 7 + [0.2]))
    with pytest.raises(ValueError, match="must be 8 numbers"):
        group.within([0.1])
    with pytest.raises(ValueError, match="are all 0"):
        group.within([0.0] * 8)
