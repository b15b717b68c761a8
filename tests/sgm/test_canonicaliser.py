"""A canonicaliser in front of models of one's own, and the transform that draws poses."""

import copy
import math

import pytest
import torch
from pytorch_lightning import Trainer, seed_everything
from torch import nn

import symmetry_pl
from symmetry_pl import SGM, Canonicaliser, SGMAugment
from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules.images.image_data import ImageDataModule, ImageDataset
from symmetry_pl.sgm.usual_pose import usual_pose

SIZE = 16
GENERATIVE = {"widths": [16], "layers": 2, "hidden": [16], "base_hidden": [], "scale": "data"}


def pictures(count, seed, size=SIZE):
    """Each a bright spot and a dimmer one to its left, nearly upright, as bytes."""
    generator = torch.Generator().manual_seed(seed)
    line = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(line, line, indexing="ij")
    angle = 0.1 * torch.randn(count, 1, 1, generator=generator)
    far = 0.3 + 0.05 * torch.rand(count, 1, 1, generator=generator)
    side, up = far * angle.cos(), far * angle.sin()
    ink = torch.exp(-((x - side).square() + (y - up).square()) / 0.04)
    ink = ink + 0.5 * torch.exp(-((x + side).square() + (y + up).square()) / 0.03)
    return (255 * ink.clamp(max=1)).to(torch.uint8)[:, None]


def images(count=8, seed=9, size=SIZE):
    return pictures(count, seed, size).float() / 255


class Pictures(ImageDataModule):
    def __init__(self):
        super().__init__(None, 16, 32, 0, 0)

    @property
    def description(self):
        return DataDescription("image", (1, SIZE, SIZE))

    def make_split(self, split):
        return ImageDataset(pictures(120, ("train", "val", "test").index(split)))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """An SGM of shifts and turns whose flow has seen upright images."""
    seed_everything(0, verbose=False)
    module = SGM(
        group_options={"bounds": [0.2, 0.2, math.pi], "chart": "rigid"},
        inference_options={"widths": [], "affine": {"fit": "isometry"}},
        generative_options=GENERATIVE, copies=2, spread=None, phases={"ssl": "0 %"},
        players={"flow": {"lr": 1e-2}}, orbit_images=8,
    )  # fmt: skip
    trainer = Trainer(
        max_epochs=6, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0,
    )  # fmt: skip
    trainer.fit(module, Pictures())
    path = tmp_path_factory.mktemp("sgm") / "last.ckpt"
    trainer.save_checkpoint(path)
    return path


@pytest.fixture
def canonicaliser(checkpoint):
    return Canonicaliser.from_checkpoint(checkpoint)


def turned(c, x, angle):
    """Images turned by an angle, in the range (0, 1)."""
    element = c.group.element(torch.tensor([[0.05, -0.1, angle]]).repeat(len(x), 1))
    return c.restore(x, element)


def test_upright_images_keep_their_pixels_and_turned_ones_come_back(canonicaliser):
    c, x = canonicaliser, images(40)
    c.calibrate(images(200, 3), keep=0.95)
    found = c.look(x)
    assert found.moved.float().mean() < 0.2
    still = ~found.moved
    assert torch.equal(found.images[still], x[still])
    assert torch.equal(found.element[still], c.group.identity(int(still.sum())))
    for angle in (1.0, 2.5, -2.0):
        copies = turned(c, x, angle)
        again = c.look(copies)
        assert bool(again.moved.all())
        error = (again.images - x).square().mean()
        assert error < 0.1 * (copies - x).square().mean()
        back = c.restore(again.images, again.element)
        assert (back - copies).square().mean() < 0.02 * copies.var()


def test_a_share_of_images_is_left_alone(canonicaliser):
    x = images(200, 3)
    for keep in (0.5, 0.9):
        gate = canonicaliser.calibrate(x, keep)
        assert float(canonicaliser.gate) == pytest.approx(gate)
        assert float(canonicaliser.look(x).moved.float().mean()) == pytest.approx(
            1 - keep, abs=0.02
        )
    everything = float(canonicaliser.gate.fill_(-math.inf))
    assert everything == -math.inf
    assert bool(canonicaliser.look(x).moved.all())


def test_the_gap_is_that_of_the_density(checkpoint):
    c, x = Canonicaliser.from_checkpoint(checkpoint), images(5)
    prototypes, element = c.sgm.canonicalise(2 * x - 1)
    pose, log_prob = usual_pose(c.sgm, prototypes, c.noise)
    again = c.sgm.generative.log_prob(pose, prototypes)
    assert torch.allclose(log_prob, again, atol=1e-3)
    own = c.sgm.generative.log_prob(c.sgm.coordinates(element), prototypes)
    assert torch.allclose(c.look(x).gap, log_prob - own, atol=1e-4)
    flow = c.sgm.generative
    drawn = [flow.sample(noise.repeat(5, 1), prototypes) for noise in c.noise[:8, None]]
    several = [flow.log_prob(eta, prototypes) for eta in drawn]
    assert bool((torch.stack(several) <= log_prob + 1e-3).all())
    # half the 99 % quantile of χ² with three degrees
    assert float(c.gate) == pytest.approx(5.672, abs=1e-2)


@pytest.mark.parametrize("range_", [(0.0, 1.0), (0.0, 255.0), (-0.4242, 2.8215), (1.0, 0.0)])
def test_any_range_and_any_size_and_any_channels(checkpoint, range_):
    c, x = Canonicaliser.from_checkpoint(checkpoint), turned(
        Canonicaliser.from_checkpoint(checkpoint), images(6), 2.0
    )  # fmt: skip
    own = Canonicaliser.from_checkpoint(checkpoint, value_range=range_)
    black, white = range_
    expected, element = c(x)
    found, same = own(black + x * (white - black))
    assert torch.allclose((found - black) / (white - black), expected, atol=1e-4)
    assert torch.allclose(same, element, atol=1e-4)
    low, high = sorted(range_)
    assert float(found.min()) >= low - 1e-4 * abs(low)
    assert float(found.max()) <= high * (1 + 1e-4)


def test_colours_and_larger_images_are_moved_as_they_are(checkpoint):
    c = Canonicaliser.from_checkpoint(checkpoint)
    large = turned(c, images(6, size=3 * SIZE).expand(-1, 3, -1, -1), 2.0)
    found = c.look(large)
    assert found.images.shape == large.shape
    assert bool(found.moved.all())
    small = c.look(turned(c, images(6), 2.0))
    assert (found.element - small.element).abs().max() < 0.15


def test_precision_and_gradient_and_modes(canonicaliser):
    c, x = canonicaliser, turned(canonicaliser, images(4), 2.0)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        assert c(x.to(dtype))[0].dtype == dtype
    x.requires_grad_()
    found, element = c(x)
    assert found.requires_grad
    assert not element.requires_grad
    (gradient,) = torch.autograd.grad(found.sum(), x)
    assert bool(gradient.isfinite().all())
    assert float(gradient.abs().sum()) > 0
    assert not any(p.requires_grad for p in c.parameters())
    c.train()
    assert not c.sgm.training
    assert torch.equal(c(x)[0], found)
    state = torch.get_rng_state()
    c(x)
    assert torch.equal(torch.get_rng_state(), state)


def test_each_image_is_on_its_own(canonicaliser):
    x = torch.cat([images(5), turned(canonicaliser, images(5), 2.0)])
    whole, element = canonicaliser(x)
    for i in range(len(x)):
        one, its = canonicaliser(x[i : i + 1])
        assert torch.allclose(one[0], whole[i], atol=1e-4)
        assert torch.allclose(its[0], element[i], atol=1e-4)


def test_state_copy_and_a_model_behind_it(checkpoint, tmp_path):
    x = turned(Canonicaliser.from_checkpoint(checkpoint), images(4), 2.0)

    def model(seed):
        torch.manual_seed(seed)
        classifier = nn.Sequential(nn.Flatten(), nn.Linear(SIZE * SIZE, 3))
        return Canonicaliser.from_checkpoint(checkpoint).before(classifier)

    first, second = model(0), model(1)
    first.canonicaliser.calibrate(images(50, 3))
    trainable = {name for name, p in first.named_parameters() if p.requires_grad}
    assert trainable == {"model.1.weight", "model.1.bias"}
    torch.save(first.state_dict(), tmp_path / "model.pt")
    second.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    twin = copy.deepcopy(first)
    expected = first(x)
    assert torch.equal(second(x), expected)
    assert torch.equal(twin(x), expected)
    assert torch.equal(expected, first.model(first.canonicaliser(x)[0]))
    if torch.cuda.is_available():
        assert torch.allclose(first.cuda()(x.cuda()).cpu(), expected, atol=1e-3)


@pytest.mark.parametrize("adopted", [False, True])
def test_untrained_it_gives_prototypes(adopted):
    c = Canonicaliser.untrained((1, SIZE, SIZE))
    state = torch.get_rng_state()
    assert c.pose == "prototype"
    assert math.isnan(float(c.look(images(1)).gap))
    if adopted:
        assert "robust frame" in c.adopt(images(100, 3))
    x = images(12)
    element = c.group.element(torch.tensor([[0.05, 0.0, 2.0, 0.1, -0.1, 0.0]]).repeat(12, 1))
    copies = c.restore(x, element)
    one, two = c.look(x), c.look(copies)
    assert (one.images - two.images).square().mean() < 0.1 * (x - copies).square().mean()
    assert torch.equal(torch.get_rng_state(), state)
    if adopted:
        assert one.confidence.shape == (12,)
        assert bool((one.confidence > 0.5).all())


def test_a_shipped_one_by_its_name():
    c = symmetry_pl.Canonicaliser.from_checkpoint("mnist-affine-sgm", draws=4)
    assert c.pose == "usual"
    assert float(c.gate) == pytest.approx(8.406, abs=1e-2)
    blank = torch.zeros(2, 1, 28, 28)
    assert bool(c(blank)[0].isfinite().all())


def test_draws_of_a_transform(checkpoint):
    transform, x = SGMAugment.from_checkpoint(checkpoint), images(60)
    torch.manual_seed(0)
    drawn = transform(x)
    torch.manual_seed(0)
    assert torch.equal(transform(x), drawn)
    assert not torch.equal(transform(x), drawn)
    # upright images stay upright: as far from one another as the data's are, not turned about
    other = images(60, 4)
    usual = (x - other).square().mean()
    assert 0 < (drawn - x).square().mean() < 2 * usual
    assert transform(x[0]).shape == x[0].shape
    none = SGMAugment.from_checkpoint(checkpoint, share=0.0)
    assert torch.equal(none(x), x)
    still = SGMAugment.from_checkpoint(checkpoint, strength=0.0)
    assert torch.equal(still(x), still(x))


def test_what_is_refused(checkpoint, canonicaliser):
    c, x = canonicaliser, images(2)
    for bad, words in (
        (x[0], "float tensor"),
        ((255 * x).to(torch.uint8), "float tensor"),
        (255 * x, "out of value_range"),
        (x * math.nan, "out of value_range"),
        (x[:, :, :8], "another aspect"),
    ):
        with pytest.raises(ValueError, match=words):
            c(bad)
    made = Canonicaliser.from_checkpoint
    for options, words in (
        ({"value_range": (1.0, 1.0)}, "two different"),
        ({"draws": 0}, "draws must be"),
        ({"gate": math.nan}, "gate a number"),
        ({"pose": "best"}, "pose must be"),
        ({"value_range": ((0.0, 0.0), 1.0)}, None),
    ):
        if words is None:
            with pytest.raises(ValueError, match="is of 2 channels"):
                made(checkpoint, **options)(x)
            continue
        with pytest.raises(ValueError, match=words):
            made(checkpoint, **options)
    with pytest.raises(ValueError, match="keep is a share"):
        c.calibrate(x, 1.5)
    with pytest.raises(ValueError, match="for untrained models"):
        c.adopt(x)
    with pytest.raises(FileNotFoundError, match="did you mean mnist-affine-sgm"):
        made("mnist-afine-sgm")
    with pytest.raises(ValueError, match="which has no prototypes"):
        made("permuted-signals-lens")
    bare = Canonicaliser.untrained((1, SIZE, SIZE))
    with pytest.raises(ValueError, match="calibrate needs"):
        bare.calibrate(x)
    with pytest.raises(ValueError, match="pose usual needs"):
        Canonicaliser(bare.sgm, pose="usual")
    with pytest.raises(ValueError, match="a gate needs"):
        Canonicaliser(bare.sgm, gate=1.0)
    with pytest.raises(ValueError, match="SGMAugment needs"):
        SGMAugment(bare.sgm)
    with pytest.raises(ValueError, match="share is between"):
        SGMAugment.from_checkpoint(checkpoint, share=2.0)
    with pytest.raises(ValueError, match="does not know its data"):
        Canonicaliser(SGM(group_options={"bounds": [0.1] * 6, "chart": "polar"}))
