"""A classifier behind the found layer, on two kinds of bumps that differ by their shape alone."""

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules import GraphFieldsDataModule, HiddenImagesDataModule
from symmetry_pl.datamodules.vectors.image_laws import bumps
from symmetry_pl.datamodules.vectors.vector_data import VectorDataModule, VectorDataset
from symmetry_pl.lens import DomainClassifier
from symmetry_pl.nn.image_classifier import image_classifier

SIDE = 10


class Stripes(VectorDataModule):
    """Noisy images with one short bar, lying or standing, in a secret order."""

    def __init__(self, scrambled=True, **kwargs):
        super().__init__(batch_size=100, **kwargs)
        order = torch.randperm(SIDE**2, generator=torch.Generator().manual_seed(5))
        self.order = order if scrambled else torch.arange(SIDE**2)

    @property
    def description(self):
        extra = {
            "places": self.order.tolist(),
            "axes": [[SIDE, "chain"], [SIDE, "chain"]],
            "classes": 2,
        }
        return DataDescription("vector", (SIDE**2,), ("bar",), extra=extra)

    def make_split(self, name):
        rows = np.arange(3000 if name == "train" else 400)
        stream = {"train": 0, "val": 1, "test": 2}[name]
        wide = torch.from_numpy(0.5 * bumps(0, stream, rows, (SIDE + 4,) * 2, (0.5, 0.8))).float()
        draw = torch.Generator().manual_seed(stream)
        kind = torch.randint(2, (len(rows),), generator=draw)
        top = torch.randint(SIDE + 2, (len(rows), 2), generator=draw)
        for image, lying, (y, x) in zip(wide, kind.tolist(), top.tolist(), strict=True):
            image[y : y + (1 if lying else 3), x : x + (3 if lying else 1)] += 1.5
        images = wide[:, 2:-2, 2:-2]
        return VectorDataset(images.flatten(1)[:, self.order], y=kind[:, None].float())


def accuracy(data, **options):
    trainer = pl.Trainer(
        max_epochs=4, logger=False, enable_checkpointing=False, accelerator="cpu",
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    torch.manual_seed(0)
    model = DomainClassifier(size=[SIDE, SIDE], width=8, **options)
    trainer.fit(model, data)
    return trainer.test(model, data, verbose=False)[0]


def test_behind_the_layer_a_cnn_is_as_good_as_on_true_images():
    found = accuracy(Stripes())
    true = accuracy(Stripes(scrambled=False), layer="none")
    scrambled = accuracy(Stripes(), layer="none")
    assert found["test/exact_places"] == 1.0
    assert found["test/accuracy"] > 0.85
    assert abs(found["test/accuracy"] - true["test/accuracy"]) < 0.03
    assert scrambled["test/accuracy"] < found["test/accuracy"] - 0.1
    assert "test/exact_places" not in scrambled


def test_what_has_no_lattice_is_one_sentence():
    class Chain(Stripes):
        def make_split(self, name):
            x = GraphFieldsDataModule("chain", size=SIDE**2, samples=1500).split(name).x
            return VectorDataset(x, y=torch.zeros(len(x), 1))

    with pytest.raises(ValueError, match="what was found is 100, and the network has images of"):
        accuracy(Chain())


def test_labels_are_asked_for():
    model = DomainClassifier()
    with pytest.raises(ValueError, match="needs labels"):
        model.describe_data(HiddenImagesDataModule(samples=5).description)
    small = DomainClassifier(size=[3, 5])
    with pytest.raises(ValueError, match="3 x 5 has no room for 100 numbers"):
        small.describe_data(Stripes().description)
    with pytest.raises(ValueError, match="at least 1"):
        DomainClassifier(width=0)
    with pytest.raises(ValueError, match=r"model\.layer must be"):
        DomainClassifier(layer="lost")


@pytest.mark.parametrize("kind", ["cnn", "mlp"])
def test_classifiers_move_all_their_weights(kind):
    network = image_classifier(kind, (9, 6), 4, width=3)
    logits = network(torch.randn(5, 1, 9, 6, generator=torch.Generator().manual_seed(0)))
    assert logits.shape == (5, 4)
    logits.square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in network.parameters())


def test_images_too_small_for_a_cnn_are_refused():
    with pytest.raises(ValueError, match="at least 4 x 4 pixels, got 3 x 9"):
        image_classifier("cnn", (3, 9), 2)
