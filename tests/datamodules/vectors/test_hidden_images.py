"""Scrambled images: laws, splits, the truth in ``extra``, and what is refused."""

import numpy as np
import pytest
import torch

from symmetry_pl.datamodules import GraphFieldsDataModule, HiddenImagesDataModule
from symmetry_pl.datamodules.vectors.graph_fields import DOMAINS, GRAPHS
from symmetry_pl.datamodules.vectors.image_laws import bumps, patches, spins

ROWS = np.arange(2000)


def made(**options):
    data = HiddenImagesDataModule(**{"height": 5, "width": 6, "samples": 300, **options})
    data.prepare_data()
    data.setup()
    return data


@pytest.mark.parametrize(
    ("source", "scramble"),
    [
        ("bumps", "permutation"),
        ("bumps", "orthogonal"),
        ("patches", "linear"),
        ("spins", "permutation"),
    ],
)
def test_the_truth_undoes_the_scramble(source, scramble):
    hidden, plain = (
        made(source=source, scramble=kind, dtype="float64", noise=0.1)
        for kind in (scramble, "none")
    )
    x, s = (data.split("val").x for data in (hidden, plain))
    extra = hidden.description.extra
    assert extra["axes"] == [[5, "chain"], [6, "chain"]]
    if scramble == "permutation":
        assert torch.equal(x, s[:, extra["places"]])
        assert extra["places"] != list(range(30))
    elif scramble == "orthogonal":
        assert torch.allclose(x @ torch.tensor(extra["ideal_basis"], dtype=torch.float64).T, s)
    else:
        mixing = torch.tensor(extra["mixing"], dtype=torch.float64)
        assert torch.allclose(x, s @ mixing)
        assert float(torch.linalg.cond(mixing)) == pytest.approx(2.0)


def test_samples_depend_on_seed_split_and_number_alone():
    few, many = (made(samples=n).split("train").x for n in (10, 3000))
    assert torch.equal(few, many[:10])
    assert not torch.equal(few, made(samples=10).split("val").x[:10])
    assert not torch.equal(few, made(samples=10, split_seed=1, scramble_seed=0).split("train").x)


def test_one_seed_hides_all_splits_alike():
    data = made()
    assert made(split_seed=3).description.extra["places"] != data.description.extra["places"]
    same = made(split_seed=3, scramble_seed=0).description.extra["places"]
    assert same == data.description.extra["places"]


def test_bumps_are_alike_everywhere():
    s = bumps(0, 0, np.arange(8000), (6, 7), (0.5, 1.0))
    variance = s.var(0)
    assert variance.std() < 0.08 * variance.mean()
    rows, columns = (np.mean(s.take([0], k) * s.take([1], k)) for k in (1, 2))
    assert rows == pytest.approx(columns, rel=0.2)


def test_spins_of_a_chain_have_their_correlation():
    s = spins(0, 0, np.arange(20_000), (1, 9), 0.5)[:, 0]
    assert set(np.unique(s)) == {-1.0, 1.0}
    correlation = np.corrcoef(s.T)
    assert correlation[3, 4] == pytest.approx(np.tanh(0.5), abs=0.03)
    assert correlation[3, 5] == pytest.approx(np.tanh(0.5) ** 2, abs=0.03)


def test_spins_of_a_lattice_are_in_equilibrium():
    """Energy a bond of the infinite lattice at β = .3, from Onsager's solution."""
    from scipy.special import ellipk

    coupling = 0.3
    k = 2 * np.sinh(2 * coupling) / np.cosh(2 * coupling) ** 2
    bracket = 1 + 2 / np.pi * (2 * np.tanh(2 * coupling) ** 2 - 1) * ellipk(k**2)
    energy = bracket / np.tanh(2 * coupling) / 2
    s = spins(0, 0, np.arange(3000), (4, 4), coupling)
    assert np.mean(s[:, 1:] * s[:, :-1]) == pytest.approx(energy, abs=0.02)


@pytest.mark.parametrize("source", ["bumps", "spins"])
def test_images_go_on_at_the_other_side_of_axes_that_close(source):
    rings = (False, True)
    s = {
        "bumps": lambda: bumps(0, 0, np.arange(8000), (5, 8), (0.5, 1.0), rings),
        "spins": lambda: spins(0, 0, np.arange(8000), (5, 8), 0.35, rings),
    }[source]()
    covariance = np.cov(s.reshape(len(s), -1).T).reshape(5, 8, 5, 8)
    beside = np.array([covariance[2, k, 2, (k + 1) % 8] for k in range(8)])
    below = covariance[4, :, 0, :].diagonal().mean()  # columns end
    assert beside == pytest.approx(np.full(8, beside.mean()), rel=0.15)
    assert below < 0.3 * beside.mean()


def test_a_cylinder_closes_along_its_width():
    axes = made(topology="cylinder", height=5, width=8).description.extra["axes"]
    assert axes == [[5, "chain"], [8, "ring"]]
    assert made(topology="torus", height=1, width=8).description.extra["axes"] == [[8, "ring"]]


def test_patches_of_different_sets_do_not_overlap():
    for split, (low, high) in {"train": (0, 448), "val": (448, 544), "test": (544, 640)}.items():
        windows = patches(0, split, ROWS, (9, high - low - 20))
        assert windows.shape == (2000, 9, high - low - 20)
        assert windows.min() >= 0
        assert windows.max() <= 1


def test_digits_are_there_once_with_their_labels(fake_mnist, tmp_path):
    data = made(
        source="mnist", height=28, width=28, root=str(tmp_path), samples=None, labelled=6,
        scramble="none", batch_size=3,
    )  # fmt: skip
    train = data.split("train")
    assert len(train) == 44  # all but every twelfth
    assert len({tuple(row.tolist()) for row in train.x}) == 44
    for x, y in zip(train.x, train.y, strict=True):
        (i,) = np.flatnonzero(
            (fake_mnist["train"].reshape(48, -1) == (x * 255).round().numpy()).all(1)
        )
        assert i % 10 == y
    assert len(data.training_inputs()) == 44
    assert sum(len(batch[0]) for batch in data.train_dataloader()) == 6
    assert data.description.target_names == ("digit",)


@pytest.mark.parametrize("source", ["shifted_mnist", "mnist_crops"])
def test_digits_are_moved(source, fake_mnist, tmp_path):
    data = made(source=source, height=12, width=15, root=str(tmp_path), scramble="none")
    x = data.split("train").x.view(-1, 12, 15)
    assert x.shape == (300, 12, 15)
    assert 0 <= float(x.min()) <= float(x.max()) <= 1
    assert (x > 0).float().mean(0).min() > 0.02
    if source == "mnist_crops":
        assert (x.amax((1, 2)) > 0).all()


def test_images_of_ones_own_are_scrambled(tmp_path):
    images = np.random.default_rng(0).normal(size=(40, 4, 5)).astype(np.float32)
    np.save(tmp_path / "own.npy", images)
    data = HiddenImagesDataModule("file", file=str(tmp_path / "own.npy"))
    with pytest.raises(RuntimeError, match="call setup"):
        _ = data.description
    data.setup()
    sets = [data.split(name).x for name in ("train", "val", "test")]
    assert [len(x) for x in sets] == [32, 4, 4]
    back = torch.cat(sets)[:, np.argsort(data.description.extra["places"])]
    assert {tuple(r) for r in back.tolist()} == {tuple(r) for r in images.reshape(40, 20).tolist()}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "clouds"}, "data.source must be"),
        ({"scramble": "twist"}, "data.scramble must be"),
        ({"scramble": "linear", "condition": 0.5}, "data.condition must be at least 1"),
        ({"scramble": "orthogonal", "height": 48, "width": 48}, "mixes at most 1024 pixels"),
        ({"labelled": 5}, "data.labelled is of digits"),
        ({"widths": [2.0, 1.0]}, "two rising numbers"),
        ({"source": "patches", "width": 100}, "at most 90"),
        ({"height": 1, "width": 2}, "images of 2 pixels have no order"),
        ({"samples": 0}, "data.samples must be at least 1"),
        ({"topology": "ball"}, "data.topology must be"),
        ({"channels": 2}, "data.channels must be"),
        ({"channels": 3, "source": "spins"}, "data.channels of 3 is of permuted"),
        ({"channels": 3, "scramble": "orthogonal"}, "data.channels of 3 is of permuted"),
        ({"bits": 9}, "data.bits must be 0 to 8, got 9"),
        ({"bits": 8}, "data.bits are of permuted digits and patches in grey"),
        ({"bits": 8, "source": "patches", "scramble": "linear"}, "data.bits are of permuted"),
        ({"bits": 8, "source": "patches", "channels": 3}, "patches of 3 channels"),
        ({"source": "patches", "topology": "torus"}, "data.topology is of bumps and spins"),
        ({"source": "spins", "topology": "torus", "width": 9}, "even sides where it closes"),
        ({"source": "spins", "topology": "cylinder", "height": 1}, "at least two rows"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        HiddenImagesDataModule(**options)


def test_bits_of_grey_values_add_up_to_them():
    hidden, plain = (made(source="patches", bits=bits, samples=50) for bits in (8, 0))
    extra = hidden.description.extra
    x, order = hidden.split("train").x, torch.tensor(extra["channels"]) * 30
    assert set(x.unique().tolist()) == {0.0, 1.0}
    inputs = (order + torch.tensor(extra["places"])).argsort()
    weights = 2.0 ** torch.arange(7, -1, -1)
    grey = (x[:, inputs].view(50, 8, 30) * weights[:, None]).sum(1)
    in_order = plain.split("train").x[:, np.argsort(plain.description.extra["places"])]
    assert torch.equal(grey, (255 * in_order).round())


def test_bad_files_are_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        HiddenImagesDataModule("file", file="nowhere.npy").setup()
    np.save(tmp_path / "flat.npy", np.zeros((5, 4)))
    with pytest.raises(ValueError, match="must be real numbers"):
        HiddenImagesDataModule("file", file=str(tmp_path / "flat.npy")).setup()


@pytest.mark.parametrize("graph", [*DOMAINS, *GRAPHS])
def test_partial_correlations_are_the_edges_of_a_graph(graph):
    data = GraphFieldsDataModule(graph, size=27, samples=20_000, uneven=0.3)
    x = data.training_inputs().double()
    precision = torch.linalg.inv(x.T.cov())
    root = torch.tensor(data.root_covariance)
    truth = torch.linalg.inv(root @ root.T)[data.scramble.order][:, data.scramble.order]
    assert torch.allclose(precision, truth, atol=0.1)
    assert ("places" in data.description.extra) == (graph in DOMAINS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"graph": "knot"}, "data.graph must be"),
        ({"size": 3}, "data.size must be at least 4"),
        ({"uneven": 1.0}, "data.uneven must be"),
    ],
)
def test_bad_graphs_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        GraphFieldsDataModule(**options)
