"""Pixels that are never negative: told apart from their rotations and other mixtures."""

import pytest
import torch

from symmetry_pl.lens.domains.nonnegative import (
    _mended,
    _pull,
    _shares,
    negative_share,
    nonnegative_rotation,
    nonnegative_unmixing,
)
from symmetry_pl.lens.warm_start.ica import nearest_rotation


@pytest.fixture(scope="module")
def sources():
    """Smooth positive waves with gaps: neighbours depend on each other strongly, ``(3000, 8)``."""
    draw = torch.Generator().manual_seed(0)
    centres = 10 * torch.rand(3000, 2, 1, generator=draw, dtype=torch.float64) - 1
    heights = torch.rand(3000, 2, 1, generator=draw, dtype=torch.float64)
    waves = (1 - (torch.arange(8) - centres).abs() / 2).clamp(min=0)
    return (heights * waves).sum(1)


@pytest.fixture(scope="module")
def turn():
    draw = torch.Generator().manual_seed(1)
    return nearest_rotation(torch.randn(8, 8, generator=draw, dtype=torch.float64))


def test_pixels_depend_on_each_other(sources):
    correlation = torch.corrcoef(sources.T)
    assert correlation.diagonal(1).min() > 0.3


def test_a_rotation_is_undone_up_to_the_order(sources, turn):
    x = sources @ turn
    found = nonnegative_rotation(x)
    assert torch.allclose(found @ found.T, torch.eye(8).double(), atol=1e-9)
    overlap = found @ turn.T
    assert overlap.max(1).values.min() > 0.99  # and no sign is wrong
    assert sorted(overlap.argmax(1).tolist()) == list(range(8))
    assert negative_share(x, found) < 1e-4 < negative_share(x, turn.roll(1, 1))
    again = nonnegative_rotation(x, start=found)
    assert negative_share(x, again) <= negative_share(x, found)


@pytest.fixture(scope="module")
def gated():
    """One strength for all, at positions that are open or not: ``(3000, 8)``."""
    draw = torch.Generator().manual_seed(3)
    open_ = torch.rand(3000, 8, generator=draw, dtype=torch.float64) < 0.4
    return open_ * (0.5 + torch.rand(3000, 1, generator=draw, dtype=torch.float64))


def test_another_mixing_is_undone_up_to_order_and_size(gated, turn):
    mixing = turn @ torch.diag(torch.linspace(0.3, 3.0, 8).double()) @ turn.roll(1, 0)
    found = nonnegative_unmixing(gated @ mixing)
    overlap = mixing @ found.T
    overlap = overlap / overlap.norm(dim=0)
    assert overlap.max(0).values.min() > 0.95
    assert sorted(overlap.argmax(0).tolist()) == list(range(8))
    assert torch.allclose((gated @ mixing @ found.T).std(0), torch.ones(8).double(), atol=1e-3)


def test_a_mirrored_pixel_is_mended(gated):
    u = torch.tensor([0.0, 0.0, -0.2, 0.95, -0.2, 0.0, 0.0, 0.0])
    u = u / u.norm()
    mirrored = torch.eye(8) - 2 * torch.outer(u, u)
    x = gated.float()
    assert int(_shares(x, mirrored)[0].argmax()) == 3
    found = _mended(x, mirrored)
    assert float(found.diagonal().min()) > 0.99
    assert _shares(x, found)[1] < 1e-2 * _shares(x, mirrored)[1]


def test_the_pull_is_the_gradient(sources, turn):
    x = sources @ turn
    rotation = turn.roll(2, 0).clone().requires_grad_(True)
    loss = 0.5 * (x @ rotation.T).clamp(max=0).square().sum(1).mean()
    loss.backward()
    pull, value = _pull(x, rotation.detach())
    assert value == pytest.approx(loss.item())
    assert torch.allclose(pull, rotation.grad)


def test_directions_in_which_nothing_moves_come_last(sources, turn):
    x = torch.cat([sources, torch.zeros(3000, 2).double()], 1)
    draw = torch.Generator().manual_seed(2)
    wide = nearest_rotation(torch.randn(10, 10, generator=draw, dtype=torch.float64))
    found = nonnegative_rotation(x @ wide)
    assert torch.allclose(found @ found.T, torch.eye(10).double(), atol=1e-9)
    y = x @ wide @ found.T
    assert float(y[:, 8:].abs().max()) < 1e-6
    assert float(y.clamp(max=0).square().sum() / y.square().sum()) < 1e-3
    with pytest.raises(ValueError, match="never changes, and a mixing of it cannot be undone"):
        nonnegative_unmixing(x @ wide)
