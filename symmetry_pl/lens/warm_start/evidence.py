"""What two halves of the data say of a chain that was found in each of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from symmetry_pl.groups.domain import Topology
from symmetry_pl.lens.warm_start.amplitudes import AmplitudeMisfit
from symmetry_pl.lens.warm_start.chance import chance_of_agreement
from symmetry_pl.lens.warm_start.lattice import Lattice, chain_generator
from symmetry_pl.lens.warm_start.smooth import basis_cosine
from symmetry_pl.lens.warm_start.symbol import fit_symbol, stationarity_kl
from symmetry_pl.lens.warm_start.whitening import Whitened

__all__ = ["Evidence", "closes", "evidence", "half_errors"]

_ALIKE = 4.0  # standard errors that the ends may differ from neighbours by
_NEIGHBOURS = 6.0  # standard errors by which neighbours are seen to be such


@dataclass(frozen=True)
class Evidence:
    r"""How far a chain is more than chance and more than one half of the data.

    Attributes:
        agreement: cosine of the generators that were found in two halves by themselves.
        p_value: that second moments alone make the halves agree so well; ``chance_of_agreement``.
        covariance: Gaussian KL from stationary of one half in the basis of the other, over what
            sampling leaves of a stationary truth.
        amplitudes: misfit of the amplitudes, likewise.
        shuffled: the same after the positions were put in random order; the least of some orders.
    """

    agreement: float
    p_value: float
    covariance: float
    amplitudes: float
    shuffled: float


def evidence(
    halves: tuple[Whitened, Whitened],
    bases: tuple[Tensor, Tensor],
    lattice: Lattice,
    generator: torch.Generator,
) -> Evidence:
    """Judge each half by the basis of the other.

    Args:
        halves: two independent sets of rows.
        bases: Q of each, ``(d, d)``.
        lattice: chain or ring.
        generator: draws signs and orders.
    """
    agreement = basis_cosine(*bases, lattice)
    covariance, amplitudes, shuffled = [], [], []
    for data, basis in zip(halves, reversed(bases), strict=True):
        second = basis @ data.covariance @ basis.T
        kl = float(stationarity_kl(second, lattice, fit_symbol(second, lattice)))
        covariance.append(kl / data.sampling_level())
        misfit = AmplitudeMisfit(data, lattice, 20_000)
        turn = basis @ data.eigenvectors
        level = misfit.level(turn)
        amplitudes.append(float(misfit(turn)[0]) / level)
        orders = (torch.randperm(lattice.dim, generator=generator) for _ in range(5))
        shuffled.append(min(float(misfit(turn[order])[0]) for order in orders) / level)
    return Evidence(
        agreement,
        chance_of_agreement(bases, halves[0].eigenvectors, lattice, generator),
        max(covariance),
        max(amplitudes),
        min(shuffled),
    )


def half_errors(bases: Tensor, topology: Topology) -> dict[str, Tensor]:
    r"""Standard errors of what a chain of all samples gives, from the chains of two halves.

    .. math:: s(G) = \tfrac12 |G_1 - G_2|

    entry by entry, as the whole scatters half as much as the halves differ.

    Args:
        bases: Q of either half, ``(2, d, d)``.
        topology: chain or ring.

    Returns:
        ``generator_error`` ``(d, d)``, ``filter_error`` ``(d,)`` of the middle position, and
        ``power_errors`` ``(d − 1,)``: the norm of the error of Gᵏ over that of Gᵏ, k = 1, 2, ….
    """
    first, second = bases.double()
    lattice = Lattice(len(first), topology)
    one, other = (chain_generator(basis, topology) for basis in (first, second))
    if (one * other.T).sum() > (one * other).sum():
        second = second.flip(0)
        other = chain_generator(second, topology)
    middle = (lattice.dim - 1) // 2
    places = second if topology == "ring" else second[[middle]]
    overlap = places @ first[middle]
    nearest = places[int(overlap.abs().argmax())] * overlap[overlap.abs().argmax()].sign()
    powers, left, right = [], one, other
    for _ in range(lattice.dim - 1):
        powers.append((left - right).norm() / (2 * left.norm()))
        left, right = left @ one, right @ other
    return {
        "generator_error": (one - other).abs() / 2,
        "filter_error": (first[middle] - nearest).abs() / 2,
        "power_errors": torch.stack(powers),
    }


def closes(data: Whitened, basis: Tensor) -> bool:
    r"""Whether the ends of a chain are neighbours too, so that it is a ring that was cut.

    Products of the ends, y_1 y_d and |y_1| |y_d| (centred), against the mean of those of
    neighbours, sample by sample.

    Args:
        data: the data.
        basis: Q of the chain, ``(d, d)``.
    """
    y = data.x.double() @ basis.T
    alike, near = True, False
    for part in (y, y.abs()):
        centred = part - part.mean(0)
        beside = (centred[:, 1:] * centred[:, :-1]).mean(1)
        apart = centred[:, 0] * centred[:, -1] - beside
        alike &= abs(_scores(apart, data.inflation)) < _ALIKE
        near |= abs(_scores(beside, data.inflation)) > _NEIGHBOURS
    return alike and near


def _scores(values: Tensor, inflation: float) -> float:
    """Mean over its standard error."""
    return float(values.mean() / (values.std() * (inflation / len(values)) ** 0.5))
