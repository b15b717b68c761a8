"""Domains behind a rotation: undone where pixels are independent, denied elsewhere."""

import pytest
import torch

from symmetry_pl.datamodules.vectors.laws import WITHOUT, LawsDataModule
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domains import find_mixed_domain
from symmetry_pl.lens.domains.unmix import same_signs, unmixed


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


@pytest.mark.parametrize("law", [name for name in WITHOUT if name != "fading"])
def test_no_domain_behind_a_rotation_where_there_is_none(law):
    data = LawsDataModule(law, dim=16, samples=2000, transform="random_orthogonal")
    try:
        found = find_mixed_domain(data.training_inputs())
    except ValueError as error:  # tables with columns that others determine
        assert "never change" in str(error)  # noqa: PT017
        return
    assert not found.verdict.found, found.verdict
