"""The slow part of generators: exact shifts, either direction, other bases, chance."""

import pytest
import torch

from symmetry_pl.groups.domain import Domain
from symmetry_pl.metrics.bands import band_cosines, low_band
from symmetry_pl.metrics.recovery import shift_correlation

GRID = Domain(((4, "chain"), (6, "ring")))
LINE = Domain.line(63)


def turn(size, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(size, size, generator=draw, dtype=torch.float64)).Q


def test_low_band_is_a_projection_on_slow_waves():
    keep = low_band(16)
    assert torch.allclose(keep @ keep, keep)
    angle = 2 * torch.pi * torch.arange(16, dtype=torch.float64) / 16
    assert torch.allclose(keep @ torch.cos(6 * angle), torch.cos(6 * angle))
    assert (keep @ torch.cos(7 * angle)).abs().max() < 1e-12


@pytest.mark.parametrize("domain", [LINE, Domain.line(20, "ring"), GRID])
def test_exact_shifts_have_one_in_any_basis_direction_and_order(domain):
    basis = turn(domain.size)
    shifts = torch.stack([basis.T @ domain.shift(a) @ basis for a in range(domain.dimensions)])
    for found in (shifts, shifts.mT, shifts.flip(0)):
        assert band_cosines(found, basis, domain) == pytest.approx([1.0] * domain.dimensions)


def test_a_shift_by_a_fraction_is_as_slow_and_chance_is_nearly_nothing():
    one = torch.eye(63, dtype=torch.float64)
    assert band_cosines(LINE.shift(0, 0.9)[None], one, LINE)[0] > 0.97
    skew = turn(63, 1)
    assert band_cosines((skew - skew.T)[None], one, LINE)[0] < 0.1
    assert band_cosines(one[None], one, LINE) == [0.0]


def test_an_axis_without_a_generator_counts_nothing():
    one = torch.eye(24, dtype=torch.float64)
    assert sorted(band_cosines(GRID.shift(1)[None], one, GRID)) == pytest.approx([0.0, 1.0])


def test_every_sample_may_have_a_shift_of_its_own_and_blanks_count_nothing():
    x = torch.rand(8, 12, generator=torch.Generator().manual_seed(0))
    moved = torch.stack([-row.roll(k) if k % 2 else row.flip(0).roll(k) for k, row in enumerate(x)])
    assert shift_correlation(moved, x) == pytest.approx(1.0)
    blank = torch.cat([x, torch.zeros(2, 12)])
    assert shift_correlation(blank, blank) == pytest.approx(0.8)
    assert shift_correlation(x @ turn(12).float(), x) < 0.9
