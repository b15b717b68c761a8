"""Domains behind a rotation: undone where pixels are independent, denied elsewhere."""

import pytest
import torch

from symmetry_pl.datamodules import HiddenImagesDataModule
from symmetry_pl.datamodules.vectors.laws import WITHOUT, LawsDataModule
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domains import find_mixed_domain
from symmetry_pl.lens.domains.nonnegative import nonnegative_unmixing
from symmetry_pl.lens.domains.unmix import same_signs, unmixed
from symmetry_pl.metrics.generator import cosine


def test_skewed_sources_are_told_apart():
    draw = torch.Generator().manual_seed(0)
    sources = -torch.rand(20_000, 6, generator=draw, dtype=torch.float64).log()
    turn = torch.linalg.qr(torch.randn(6, 6, generator=draw, dtype=torch.float64))[0]
    found = unmixed(sources @ turn)
    overlap = found @ turn.T
    assert torch.allclose(found @ found.T, torch.eye(6, dtype=torch.float64))
    assert overlap.max(1).values.min() > 0.999  # with their signs
    assert sorted(overlap.argmax(1).tolist()) == list(range(6))


def test_signs_follow_the_strongest_ties():
    line = Domain.line(7).shift()
    truth = torch.linalg.inv(torch.eye(7, dtype=torch.float64) - 0.3 * (line + line.T))
    signs = torch.tensor([1, -1, -1, 1, -1, 1, 1]).double()
    found = same_signs(signs[:, None] * truth * signs)
    assert torch.equal(found * found[0], signs * signs[0])


def test_a_combination_that_never_changes_is_one_sentence():
    x = torch.randn(100, 6, generator=torch.Generator().manual_seed(0))
    x[:, 5] = x[:, 0] + x[:, 1]
    with pytest.raises(ValueError, match="some combination of the inputs never changes"):
        find_mixed_domain(x.double())
    x[:, 5] = 1.0
    with pytest.raises(ValueError, match="1 of 6 inputs never change"):
        find_mixed_domain(x)


def seen_through(scramble, source="bumps", side=6, **options):
    data = HiddenImagesDataModule(
        source, height=side, width=side, samples=4000, scramble=scramble, **options
    )
    data.prepare_data()
    data.setup("fit")
    return data.training_inputs(), torch.from_numpy(data.scramble.mixing)


@pytest.mark.parametrize(
    ("scramble", "least"), [("orthogonal", 0.99), ("linear", 0.97)], ids=["rotation", "mixing"]
)
def test_a_grid_of_pixels_that_are_never_negative_is_found(scramble, least):
    x, mixing = seen_through(scramble, noise=0.02, condition=10.0)
    found = find_mixed_domain(x, mixing=scramble)
    assert found.way == "non-negative"
    assert found.verdict.name == "lattice", found.verdict
    carried = torch.linalg.solve(mixing.T, found.generators() @ mixing.T)
    truth = ideal_grid(6)
    scores = [max(abs(float(cosine(g, t))) for t in truth) for g in carried]
    assert min(scores) > least, scores


def ideal_grid(side):
    domain = Domain(((side, "chain"), (side, "chain")))
    forth = [domain.shift(axis) for axis in (0, 1)]
    return [*forth, *(one.T for one in forth)]


def test_what_depends_on_the_mixing_alone_does_not_matter():
    """Volume and negative parts are the same behind any matrix."""
    x, _ = seen_through("linear", condition=2.0)
    other = x @ torch.diag(torch.linspace(0.5, 2.0, 36))
    first, second = (nonnegative_unmixing(one) for one in (x, other))
    both = torch.corrcoef(torch.cat([x.double() @ first.T, other.double() @ second.T], 1).T)
    assert both[:36, 36:].max(1).values.min() > 0.98


def test_independent_components_are_tried_where_coordinates_are_negative():
    x, _ = seen_through("orthogonal", noise=0.02)
    found = find_mixed_domain(x - x.mean(0))
    assert found.way == "independent"


@pytest.mark.parametrize("law", [name for name in WITHOUT if name != "fading"])
def test_no_domain_behind_a_rotation_where_there_is_none(law):
    data = LawsDataModule(law, dim=16, samples=2000, transform="random_orthogonal")
    try:
        found = find_mixed_domain(data.training_inputs())
    except ValueError as error:  # tables with columns that others determine
        assert "never change" in str(error)  # noqa: PT017
        return
    assert not found.verdict.found, found.verdict
