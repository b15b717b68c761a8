"""How near the slow part of generators is to that of the true ones: S of the successor paper."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.groups.domain import Domain, Topology, as_domain
from symmetry_pl.metrics.generator import Matrix, cosine, ideal_generator, matched_axes

__all__ = ["band_cosines", "low_band"]


def low_band(length: int, band: float = 0.75) -> Tensor:
    r"""Projection on the frequencies of a line up to a share of the highest, ``(n, n)``, float64.

    .. math:: P_{jk} = \frac{1}{n} \sum_{|f| \le \beta / 2} \cos(2 \pi f (j - k)), \quad
        f \in \{0, \pm \tfrac{1}{n}, \dots\}

    >>> torch.linalg.matrix_rank(low_band(8)).item()
    7
    """
    frequency = torch.fft.fftfreq(length, dtype=torch.float64)
    kept = frequency[frequency.abs() <= band / 2]
    apart = torch.arange(length, dtype=torch.float64)
    lag = apart[:, None] - apart
    return torch.cos(2 * torch.pi * kept[:, None, None] * lag).sum(0) / length


def band_cosines(
    generators: Tensor,
    ideal_basis: Matrix,
    domain: Domain | Topology = "chain",
    band: float = 0.75,
) -> list[float]:
    r"""Cosine of the low-frequency parts of generators and of the true shifts, one an axis.

    .. math:: \frac{|\langle P L P, P D P \rangle|}{\|P L P\| \|P D P\|}, \quad
        L = \tfrac{1}{2} (G - G^\top), \quad D = \tfrac{1}{2} (S - S^\top)

    with P of ``low_band`` along the axis. A variant of S_.75 of Efe and Özakın (2026): they take
    the logarithm of G on padded space, the first .75 n columns of the discrete Fourier transform,
    which miss frequencies on one side, and count the sign, so that an exact shift has .78 there.
    Here it has 1, and a random generator nearly 0.

    Args:
        generators: ``(g, d, d)``, cropped by the caller.
        ideal_basis: ``(d, d)``, orthonormal, row k the direction of hidden position k.
        domain: of the positions; ``"chain"`` or ``"ring"`` for one line of them.
        band: share of the frequencies that are kept.

    Returns:
        One an axis, 0 … 1; 0 where no generator is left.

    >>> line = Domain.line(5)
    >>> [round(value, 6) for value in band_cosines(line.shift()[None], torch.eye(5).double(), line)]
    [1.0]
    """
    cells = as_domain(domain, generators.shape[-1])
    found = [0.0] * cells.dimensions
    for k, axis in matched_axes(generators, ideal_basis, cells).items():
        one = generators[k].double()
        truth = ideal_generator(ideal_basis, cells, like=one, axis=axis)
        basis = torch.as_tensor(ideal_basis).to(one)
        parts = [_slow(basis @ g @ basis.T, cells, axis, band) for g in (one, truth)]
        if parts[0].any():
            found[axis] = float(cosine(*parts).abs())
    return found


def _slow(generator: Tensor, domain: Domain, axis: int, band: float) -> Tensor:
    """P L P of a generator in the basis of positions."""
    shape = [length for length, _ in domain.axes]
    keep = low_band(shape[axis], band).to(generator)
    part = (generator - generator.T) / 2
    for _ in range(2):  # rows, then columns
        on_axis = part.view(*shape, -1).movedim(axis, 0)
        slow = torch.tensordot(keep, on_axis, 1).movedim(0, axis)
        part = slow.reshape(len(generator), -1).T
    return part
