"""A classifier behind a canonicaliser: votes, the gate, what it is trained on, what it refuses."""

import math

import pytest
import torch
from pytorch_lightning import Trainer, seed_everything
from torch import nn

from symmetry_pl import SGM, Canonicaliser, ImageClassifier
from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules.images.image_data import ImageDataModule, ImageDataset
from symmetry_pl.metrics.class_sums import class_figures, class_sums
from symmetry_pl.nn.image_classifier import image_classifier
from symmetry_pl.sgm.known_orbits import orbit_of, orbit_of_copies

SIZE = 16


def spots(count, seed):
    """A bright spot with a dim one beside it, upright but for a few degrees, and their classes.

    Of class 0 the two are near each other, of class 1 far.
    """
    generator = torch.Generator().manual_seed(seed)
    line = torch.linspace(-1, 1, SIZE)
    y, x = torch.meshgrid(line, line, indexing="ij")
    label = torch.arange(count) % 2
    far = (0.22 + 0.2 * label)[:, None, None]
    angle = 0.1 * torch.randn(count, 1, 1, generator=generator)
    side, up = far * angle.cos(), far * angle.sin()
    ink = torch.exp(-((x - side).square() + (y - up).square()) / 0.03)
    ink = ink + 0.5 * torch.exp(-((x + side).square() + (y + up).square()) / 0.02)
    return (255 * ink.clamp(max=1)).to(torch.uint8)[:, None], label.float()[:, None]


class Spots(ImageDataModule):
    def __init__(self, targets=("kind",)):
        super().__init__(None, 20, 40, 0, 0)
        self.targets = targets

    @property
    def description(self):
        return DataDescription("image", (1, SIZE, SIZE), self.targets)

    def make_split(self, split):
        return ImageDataset(*spots(120, ("train", "val", "test").index(split)))


def fitted(model, epochs):
    seed_everything(0, verbose=False)
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, Spots())
    return trainer


@pytest.fixture(scope="module")
def sgm(tmp_path_factory):
    """Checkpoint of an SGM of shifts and turns that has seen upright images."""
    module = SGM(
        group_options={"bounds": [0.2, 0.2, math.pi], "chart": "rigid"},
        inference_options={"widths": [], "affine": {"fit": "isometry"}},
        generative_options={
            "widths": [16], "layers": 2, "hidden": [16], "base_hidden": [], "scale": "data",
        },
        copies=2, spread=None, phases={"ssl": "0 %"}, players={"flow": {"lr": 1e-2}},
        orbit_images=8,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("sgm") / "sgm.ckpt"
    fitted(module, 40).save_checkpoint(path)
    return str(path)


def small(**options):
    return ImageClassifier(network="cnn", width=4, classes=2, **options)


def test_behind_the_canonicaliser_turned_images_are_read(sgm, tmp_path):
    figures = {}
    for front in ("none", "gated"):
        model = small(front=front, sgm=None if front == "none" else sgm, votes=2, draws=8)
        trainer = fitted(model, 8)
        figures[front] = trainer.test(model, Spots(), verbose=False)[0]
        if front == "gated":
            path = tmp_path / "classifier.ckpt"
            trainer.save_checkpoint(path)
            x = Spots().make_split("test").__getitems__(range(20))[0]
            again = ImageClassifier.load_from_checkpoint(path)  # without the SGM's own file
            again.describe_data(Spots().description)
            again = ImageClassifier.load_from_checkpoint(path, strict=True)
            assert torch.allclose(again.eval().logits(x), model.eval().logits(x), atol=1e-5)
            assert float(model.gate) > 0
    assert figures["none"]["test/accuracy"] > 0.95
    assert figures["gated"]["test/accuracy"] > 0.9
    for name in ("accuracy_rotated", "accuracy_moved"):
        plain = figures["none"][f"test/{name}"]
        assert figures["gated"][f"test/{name}"] > max(0.85, plain + 0.05)


def test_on_prototypes_every_pose_is_the_same(sgm):
    model = small(front="prototype", sgm=sgm)
    figures = fitted(model, 24).test(model, Spots(), verbose=False)[0]
    assert min(figures[f"test/accuracy{name}"] for name in ("", "_rotated", "_moved")) > 0.95


def test_votes_are_the_mean_over_the_most_usual_poses(sgm):
    canonicaliser = Canonicaliser.from_checkpoint(sgm, value_range=(-1.0, 1.0), draws=8)
    x = Spots().make_split("test").__getitems__(range(6))[0]
    x = torch.cat([x[:3], x[3:].rot90(1, (2, 3))])
    poses = canonicaliser.poses(x, 3)
    assert torch.equal(poses[0], canonicaliser(x)[0])
    moved = canonicaliser.look(x).moved
    assert torch.equal(poses[:, ~moved], x[~moved].expand(3, -1, -1, -1, -1))
    assert bool(moved[3:].all())
    assert bool((poses[1] - poses[0])[moved].abs().amax((1, 2, 3)).gt(0).all())
    model = nn.Sequential(nn.Flatten(), nn.Linear(SIZE**2, 2))
    mean = torch.stack([model(one) for one in poses]).mean(0)
    assert torch.allclose(canonicaliser.before(model, votes=3)(x), mean, atol=1e-6)
    for count in (0, 9):
        with pytest.raises(ValueError, match="there are 1 to 8 poses of an image"):
            canonicaliser.before(model, votes=count)


def test_the_orbit_of_a_copy_leads_from_its_prototype_to_the_image(sgm):
    module = Canonicaliser.from_checkpoint(sgm).sgm
    x, _, rows = Spots().make_split("train").__getitems__(range(8))
    own, copied = orbit_of(module, x), orbit_of_copies(module, x, rows, 1)
    other = orbit_of_copies(module, x, rows, 2)
    assert not torch.equal(copied.element, other.element)
    group = module.group
    # a frame that is equivariant finds the element of the image itself from any copy
    gap = group.coordinates(group.compose(own.element, group.inverse(copied.element))).abs()
    assert float(gap[:, 2].median()) < 0.1


@pytest.mark.parametrize("augment", ["random", "learned"])
def test_it_trains_on_moved_images(sgm, augment):
    by_hand = {"moves": {"rotation": math.pi}} if augment == "random" else {"sgm": sgm, "copies": 1}
    model = small(augment=augment, share=1.0, **by_hand)
    seen = []
    model.on_train_batch_end = lambda outputs, batch, index: seen.append(model._inputs(batch))
    fitted(model, 1)
    first = Spots().make_split("train").images[:, 0].float() / 127.5 - 1
    assert len(seen) == 6
    assert all(not any(torch.equal(one[0], x) for x in first) for one in seen[0])
    assert all(float(batch.min()) >= -1.4 for batch in seen)


def test_what_makes_no_model_is_one_sentence(sgm):
    for options, said in (
        ({"front": "gated"}, "model.sgm is for"),
        ({"sgm": sgm}, "model.sgm is for"),
        ({"augment": "random"}, "model.moves is for"),
        ({"front": "prototype", "sgm": sgm, "augment": "learned"}, "trains on prototypes"),
        ({"votes": 9, "draws": 8}, "model.votes must be at most model.draws"),
        ({"keep": 1.0}, "model.keep is a share"),
        ({"share": 2.0}, "model.share is between"),
        ({"width": 0}, "model.width must be at least 1"),
        ({"front": "behind"}, "model.front must be"),
    ):
        with pytest.raises(ValueError, match=said):
            small(**options) if "width" not in options else ImageClassifier(**options)
    with pytest.raises(FileNotFoundError, match=r"model\.sgm: there is no checkpoint"):
        small(front="gated", sgm="mnist-rigid-sgn")
    with pytest.raises(ValueError, match="images with one, their class"):
        small().describe_data(Spots(targets=()).description)
    with pytest.raises(ValueError, match="at least 8 x 8"):
        image_classifier("vgg", (7, 9), 2)


def test_class_figures_are_those_of_all_samples():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(30, 4, generator=generator), torch.arange(30) % 4
    parts = class_sums(logits[:7], labels[:7]) + class_sums(logits[7:], labels[7:])
    found = class_figures(parts)
    assert float(found["accuracy"]) == pytest.approx(
        float((logits.argmax(1) == labels).float().mean())
    )
    assert float(found["cross_entropy"]) == pytest.approx(
        float(nn.functional.cross_entropy(logits, labels)), rel=1e-5
    )
