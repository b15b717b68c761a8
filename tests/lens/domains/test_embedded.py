"""The rivals of LensDomain, which are told the shape of the grid."""

import numpy as np
import pytest
import torch

from symmetry_pl.datamodules import HiddenImagesDataModule
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens import EmbeddedDomain
from symmetry_pl.lens.domains.embedded import EMBEDDINGS, embedded_layout, on_grid
from symmetry_pl.lens.domains.find import find_domain
from symmetry_pl.lens.domains.topographic import topographic_components, topographic_layout
from symmetry_pl.metrics.places import aligned, coordinates

SHAPE = (5, 7)
GRID = Domain(((5, "chain"), (7, "chain")))


@pytest.fixture(scope="module")
def bumps():
    data = HiddenImagesDataModule("bumps", *SHAPE, samples=6000, eval_samples=100)
    places = torch.tensor(data.description.extra["places"])
    return data.training_inputs(), places


@pytest.mark.parametrize("angle", [0.0, 0.3, 2.0])
def test_a_grid_that_is_turned_and_stretched_comes_back(angle):
    cells = np.stack(np.divmod(np.arange(35), 7), 1).astype(float)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    noise = 0.05 * np.random.default_rng(0).normal(size=cells.shape)
    order = np.random.default_rng(1).permutation(35)
    found = torch.from_numpy(on_grid(((cells @ turn) * 3 + 10 + noise)[order], SHAPE))
    assert sorted(found.tolist()) == list(range(35))
    assert bool(aligned(found, GRID, torch.from_numpy(order), GRID).all())


@pytest.mark.parametrize(
    ("method", "least"),
    [("isomap", 1), ("spectral", 1), ("quadratic", 1), ("lasso", 0.3), ("scaling", 0.1)],
)
def test_each_puts_pixels_on_cells_of_their_own(bumps, method, least):
    x, truth = bumps
    layout = embedded_layout(torch.corrcoef(x.T.double()), method, SHAPE)
    assert sorted(layout.places.tolist()) == list(range(35))
    assert float(aligned(layout.places, GRID, truth, GRID).double().mean()) >= least


def test_what_is_told_is_the_only_difference(bumps):
    x, truth = bumps
    found = find_domain(x, lambda c, _: embedded_layout(c, "isomap", SHAPE))
    assert found.verdict.name == "lattice"
    assert found.stationarity.found
    assert bool(aligned(found.places, GRID, truth, GRID).all())
    assert set(EMBEDDINGS) == {"scaling", "isomap", "umap", "spectral", "quadratic", "lasso"}


def test_umap_lays_pixels_beside_their_neighbours(bumps):
    pytest.importorskip("umap")
    x, truth = bumps
    layout = embedded_layout(torch.corrcoef(x.T.double()), "umap", SHAPE)
    assert sorted(layout.places.tolist()) == list(range(35))
    assert aligned(layout.places, GRID, truth, GRID).double().mean() > 0.5


def test_umap_that_is_not_installed_is_one_sentence(monkeypatch):
    monkeypatch.setattr("symmetry_pl.lens.domains.embedded.find_spec", lambda name: None)
    model = EmbeddedDomain(5, 7, method="umap")
    with pytest.raises(ModuleNotFoundError, match=r"pip install symmetry_pl\[rivals\]"):
        model.on_fit_start()  # before any sample is looked at


def test_topographic_components_are_orthogonal_and_sparser_with_their_neighbours(bumps):
    x, truth = bumps
    few = x[:, truth < 12][:1000].double()  # cells of a grid of 2 x 7 without its last two
    values, vectors = torch.linalg.eigh(few.T.cov(correction=0))
    white = (few - few.mean(0)) @ (vectors / values.sqrt())
    grid = Domain(((2, "chain"), (7, "chain")))
    found = topographic_components(white, grid)
    assert torch.allclose(found @ found.T, torch.eye(12).double(), atol=1e-10)
    cells = coordinates(torch.arange(12), grid)
    around = ((cells[:, None] - cells).abs().amax(2) <= 1).double()

    def energy(components):
        return float(((white @ components.T).square() @ around).sqrt().mean())

    draw = torch.Generator().manual_seed(1)
    turns = [torch.linalg.qr(torch.randn(12, 12, generator=draw).double()).Q for _ in range(20)]
    assert energy(found) < min(map(energy, turns))
    assert torch.equal(found, topographic_components(white, grid))
    assert not torch.equal(found, topographic_components(white, grid, seed=1))


def test_topographic_layouts_are_judged_as_others_are(bumps):
    x, _ = bumps
    model = EmbeddedDomain(*SHAPE, method="topographic")
    found = model._search(x[:300])
    assert sorted(found.places.tolist()) == list(range(35))
    halves = found.halves.sort(1).values
    assert torch.equal(halves, torch.arange(35).expand(2, -1))
    with pytest.raises(ValueError, match="= 10 cells, and 35 inputs change"):
        topographic_layout(x, (2, 5))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EmbeddedDomain(1, 5), "model.height and model.width must be at least 2, got 1"),
        (lambda: EmbeddedDomain(5, 5, method="tsne"), "model.method"),
        (lambda: embedded_layout(torch.eye(9), "scaling", (2, 4)), "2 x 4 = 8 cells, and 9 inputs"),
    ],
)
def test_what_makes_no_rival_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
