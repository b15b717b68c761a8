"""A chain that is cut, shuffled and slightly mixed is put together again."""

import pytest
import torch

from symmetry_pl.lens.straighten import straighten


@pytest.mark.parametrize("topology", ["chain", "ring"])
def test_a_broken_chain_is_mended(topology):
    d = 9
    generator = torch.Generator().manual_seed(0)
    hidden = torch.linalg.qr(torch.randn(d, d, dtype=torch.float64, generator=generator)).Q
    lag = (torch.arange(d)[:, None] - torch.arange(d)).abs().double()
    lag = torch.minimum(lag, d - lag) if topology == "ring" else lag
    covariance = hidden.T @ (0.5**lag) @ hidden
    broken = hidden[torch.tensor([2, 3, 8, 4, 5, 6, 0, 7, 1])]
    signs = torch.tensor([1, 1, -1, 1, -1, 1, 1, 1, -1]).double()
    mixed = broken * signs[:, None] * 0.9
    found, direction = straighten(mixed, covariance, topology)
    torch.testing.assert_close(found @ found.T, torch.eye(d, dtype=torch.float64))
    places = (found @ hidden.T).abs().argmax(1)
    torch.testing.assert_close((found @ hidden.T).abs().amax(1), torch.ones(d).double())
    steps = set(places.diff().tolist())
    assert steps <= {1, 1 - d} or steps <= {-1, d - 1}
    if topology == "chain":
        assert len(steps) == 1
    spread = found @ covariance @ found.T
    assert (spread.diagonal(1) > 0).all()
    torch.testing.assert_close(direction, 0.9 * found[4], atol=1e-12, rtol=0)


def test_the_common_filter_is_kept():
    d = 9
    chain = torch.eye(d, dtype=torch.float64)
    wide = chain + 0.3 * chain.roll(1, 1) * (torch.arange(d) > 0)
    covariance = 0.5 ** (torch.arange(d)[:, None] - torch.arange(d)).abs().double()
    basis, direction = straighten(wide, covariance)
    # every row looks a little at its neighbour as well; so does the one filter
    found = basis @ direction
    assert found.abs().argmax() == 4
    spread = (basis @ covariance @ basis.T)[4] @ found
    assert spread > 0
    assert direction.norm() == pytest.approx(float(wide.norm(dim=1).mean()), abs=0.1)
