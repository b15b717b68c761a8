"""Hidden domains of permuted pixels: found where there are any, and denied where there are none."""

import pytest
import torch

from symmetry_pl.datamodules import HiddenImagesDataModule
from symmetry_pl.datamodules.vectors.graph_fields import DOMAINS, GRAPHS, GraphFieldsDataModule
from symmetry_pl.datamodules.vectors.laws import WITHOUT, LawsDataModule
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domains import find_domain
from symmetry_pl.lens.domains.find import translations
from symmetry_pl.metrics.generator import generator_cosine
from symmetry_pl.metrics.places import exact_share, translation_cosines

ENDLESS = ("walk", "fading", "warped")  # lines that are not stationary


def bumps(height, width, samples=3000, seed=0, noise=0.05):
    """Images of a few Gaussian bumps that may lie beyond the border, ``(n, height · width)``."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.zeros(samples, height, width, dtype=torch.float64)
    for _ in range(max(5, height * width // 25)):
        y0, x0, size, wide = torch.rand(4, samples, 1, generator=draw, dtype=torch.float64)
        rows, columns = torch.arange(height), torch.arange(width)
        wide = 0.5 + wide / 2
        down = torch.exp(-((rows - (y0 * (height + 5) - 3)) ** 2) / (2 * wide**2))
        right = torch.exp(-((columns - (x0 * (width + 5) - 3)) ** 2) / (2 * wide**2))
        x += size[:, :, None] * down[:, :, None] * right[:, None]
    x = x.flatten(1)
    return x + noise * torch.randn(x.shape, generator=draw, dtype=torch.float64)


def shuffled(x, seed=1):
    order = torch.randperm(x.shape[1], generator=torch.Generator().manual_seed(seed))
    return x[:, order], order


def grid(height, width):
    return Domain(((height, "chain"), (width, "chain")))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 12), (12, 7)])
def test_a_permuted_lattice_is_found_exactly(height, width):
    x, order = shuffled(bumps(height, width))
    found = find_domain(x)
    assert found.verdict.name == "lattice"
    assert found.stationarity.name == "stationary"
    assert sorted(n for n, _ in found.domain.axes) == sorted((height, width))
    assert exact_share(found.places, found.domain, order, grid(height, width)) == 1.0
    basis = torch.eye(height * width, dtype=torch.float64)[order.argsort()]
    cosines = [
        [float(generator_cosine(g, basis, grid(height, width), axis)) for axis in (0, 1)]
        for g in found.generators()
    ]
    assert sorted(max(row) for row in cosines) == pytest.approx([1.0, 1.0])
    assert sorted(min(row) for row in cosines) == pytest.approx([0.0, 0.0])


@pytest.mark.parametrize(
    ("topology", "height", "width"), [("torus", 5, 9), ("torus", 8, 8), ("cylinder", 6, 11)]
)
def test_axes_that_close_are_found_to_close(topology, height, width):
    data = HiddenImagesDataModule(
        "bumps", height=height, width=width, topology=topology, samples=3000
    )
    found = find_domain(data.training_inputs())
    assert (found.verdict.name, found.stationarity.name) == (topology, "stationary")
    truth = Domain(((height, "ring" if topology == "torus" else "chain"), (width, "ring")))
    places = torch.tensor(data.description.extra["places"])
    assert exact_share(found.places, found.domain, places, truth) == 1.0
    assert translation_cosines(found.places, found.domain, places, truth) == [1.0, 1.0]
    moves = found.generators()
    for (length, line), move in zip(found.domain.axes, moves, strict=True):
        around = torch.linalg.matrix_power(move, length)
        assert torch.equal(around, torch.eye(len(places)).double() * (line == "ring"))


@pytest.mark.parametrize("law", ["chain", "ring"])
def test_a_line_is_found_and_is_no_lattice(law):
    data = LawsDataModule(law, dim=20, samples=3000, transform="permuted", noise=0.1)
    found = find_domain(data.training_inputs())
    assert (found.verdict.name, found.stationarity.name) == (law, "stationary")
    order = torch.tensor(data.description.extra["ideal_basis"]).argmax(0)
    assert exact_share(found.places, found.domain, order, Domain.line(20, law)) == 1.0


@pytest.mark.parametrize("law", [name for name in WITHOUT if name not in ENDLESS])
def test_no_domain_is_found_where_there_is_none(law):
    data = LawsDataModule(law, dim=25, samples=2000, transform="permuted")
    found = find_domain(data.training_inputs())
    assert not found.verdict.found, found.verdict
    assert found.stationarity.name == "unknown"


@pytest.mark.parametrize(
    ("law", "said"), [("walk", "not stationary"), ("fading", "stationary up to scale")]
)
def test_a_line_along_which_the_law_changes_is_a_chain_all_the_same(law, said):
    data = LawsDataModule(law, dim=25, samples=3000, transform="permuted")
    found = find_domain(data.training_inputs())
    assert (found.verdict.name, found.stationarity.name) == ("chain", said)


def test_dead_and_constant_pixels_are_left_out_and_the_rest_is_found():
    height = width = 9
    x = bumps(height, width)
    dead = torch.tensor([0, 40, 80])
    x[:, dead] = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    x[7, 80] = 3.0  # alive in one sample of 3,000
    x, order = shuffled(x)
    found = find_domain(x)
    gone = torch.isin(order, dead)
    assert found.figures["live"] == 78
    assert (found.places[gone] == -1).all()
    assert found.verdict.name == "lattice"
    assert exact_share(found.places, found.domain, order, grid(height, width), ~gone) == 1.0


def test_too_few_samples_are_called_so():
    x, _ = shuffled(bumps(12, 12, samples=60))
    found = find_domain(x)
    assert found.verdict.name == "too few samples"
    assert "60 samples" in found.verdict.because


def test_the_order_of_inputs_changes_names_alone():
    x = bumps(6, 7, samples=1500)
    one = find_domain(x)
    order = torch.randperm(42, generator=torch.Generator().manual_seed(3))
    other = find_domain(x[:, order])
    assert one.figures == pytest.approx(other.figures)
    assert exact_share(other.places, other.domain, one.places[order], one.domain) == 1.0


def test_translations_move_to_the_next_cell():
    places = torch.tensor([2, 0, 1, -1])
    (chain,) = translations(places, Domain.line(3))
    assert chain.nonzero().tolist() == [[0, 2], [2, 1]]
    (ring,) = translations(places, Domain.line(3, "ring"))
    assert ring.nonzero().tolist() == [[0, 2], [1, 0], [2, 1]]
    down, right = translations(torch.arange(6), grid(2, 3))
    assert torch.equal(down, grid(2, 3).shift(0))
    assert torch.equal(right, grid(2, 3).shift(1))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(40), "must be real vectors"),
        (torch.zeros(40, 5, dtype=torch.int64), "must be real vectors"),
        (torch.zeros(8, 5), "at least 16 samples, got 8"),
        (torch.zeros(40, 5), "0 of 5 pixels ever change"),
        (torch.full((40, 5), torch.nan), "missing or infinite"),
    ],
)
def test_bad_samples_are_one_sentence(x, message):
    with pytest.raises(ValueError, match=message):
        find_domain(x)


@pytest.mark.slow
def test_a_large_lattice_takes_seconds():
    x, order = shuffled(bumps(28, 28, samples=6000))
    found = find_domain(x)
    assert exact_share(found.places, found.domain, order, grid(28, 28)) == 1.0


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("uneven", [0.0, 0.5])
def test_graphs_that_are_no_line_or_lattice_are_called_none(graph, uneven):
    found = find_domain(
        GraphFieldsDataModule(graph, size=49, samples=4000, uneven=uneven).training_inputs()
    )
    assert not found.verdict.found, found.verdict


@pytest.mark.parametrize("graph", DOMAINS)
def test_graphs_that_are_domains_are_found(graph):
    data = GraphFieldsDataModule(graph, size=49, samples=6000, uneven=0.3)
    found = find_domain(data.training_inputs())
    assert found.verdict.name == graph
    places = torch.tensor(data.description.extra["places"])
    assert exact_share(found.places, found.domain, places, data.domain) == 1.0


def test_five_pixels_have_too_few_orders_and_seven_have_enough():
    for size, said in ((5, "too few positions"), (7, "chain")):
        data = LawsDataModule("chain", dim=size, samples=3000, transform="permuted", noise=0.1)
        assert find_domain(data.training_inputs()).verdict.name == said
