"""Where hidden positions lie: a product of lines, each of which ends or closes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from symmetry_pl.core.registry import check_choice

__all__ = ["Domain", "Topology", "as_domain"]

Topology: TypeAlias = Literal["chain", "ring"]
"""Whether a line of positions has ends or closes."""


@dataclass(frozen=True)
class Domain:
    """Hidden positions as a product of lines; the last axis counts fastest, as in an image.

    Args:
        axes: length and topology of each line.

    Raises:
        ValueError: for no axis, an axis without positions, or another topology.

    >>> image = Domain(((28, "chain"), (28, "ring")))
    >>> image.dimensions, image.size
    (2, 784)
    """

    axes: tuple[tuple[int, Topology], ...]

    def __post_init__(self) -> None:
        if not self.axes or any(length < 1 for length, _ in self.axes):
            raise ValueError(f"a domain needs axes of at least 1 position, got {self.axes}")
        for _, topology in self.axes:
            check_choice("topology", topology, get_args(Topology))

    @classmethod
    def line(cls, length: int, topology: Topology = "chain") -> Domain:
        """One line of positions."""
        return cls(((length, topology),))

    @property
    def dimensions(self) -> int:
        """g, the number of axes, and so of generators."""
        return len(self.axes)

    @property
    def size(self) -> int:
        """d, the number of positions."""
        return prod(length for length, _ in self.axes)

    def shift(self, axis: int = 0, power: float = 1.0) -> Tensor:
        r"""Matrix that moves positions by ``power`` steps along an axis.

        .. math:: S_{jk} = \kappa(j - k - p), \quad \kappa(r) =
            \mathrm{sinc}(r) \text{ or, on a ring, } \frac{1}{d} \sum_\omega \cos(2 \pi \omega r/d)

        which for a whole number p moves k to k + p, and for a fraction is band-limited
        interpolation; ω are the d frequencies nearest to 0. On a chain what would leave it is lost.

        Returns:
            ``(d, d)``, float64.

        >>> Domain.line(3, "ring").shift().long().tolist()
        [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
        """
        before = prod(length for length, _ in self.axes[:axis])
        after = prod(length for length, _ in self.axes[axis + 1 :])
        one = _line_shift(*self.axes[axis], power)
        return torch.kron(torch.kron(_eye(before), one), _eye(after))

    def displacements(self) -> Tensor:
        """Number of the displacement between each two positions, ``(d, d)`` of int64.

        Equal numbers are equal steps from the second position to the first, on a ring modulo its
        length.

        >>> Domain.line(3).displacements().tolist()
        [[2, 1, 0], [3, 2, 1], [4, 3, 2]]
        """
        found = torch.zeros(1, 1, dtype=torch.int64)
        for length, topology in self.axes:
            place = torch.arange(length)
            lag = place[:, None] - place
            lag = lag % length if topology == "ring" else lag + length - 1
            kinds = 2 * length - 1
            wide = found[:, None, :, None] * kinds + lag[None, :, None, :]
            found = wide.reshape(len(found) * length, -1)
        return found

    def orders(self) -> Iterator[Tensor]:
        """The orders ``(d,)`` of the positions that keep neighbours and the axes apart."""
        places = torch.arange(self.size).view([length for length, _ in self.axes])
        ways = [[(s, f) for s in _starts(*axis) for f in (False, True)] for axis in self.axes]
        for way in product(*ways):
            order = places
            for axis, (start, flipped) in enumerate(way):
                order = (order.flip(axis) if flipped else order).roll(start, axis)
            yield order.flatten()


def as_domain(domain: Domain | Topology, size: int) -> Domain:
    """A domain, or the line of ``size`` positions of a topology.

    Raises:
        ValueError: if a domain has another size.
    """
    if not isinstance(domain, Domain):
        return Domain.line(size, domain)
    if domain.size != size:
        raise ValueError(f"the domain has {domain.size} positions, the data {size}")
    return domain


def _starts(length: int, topology: Topology) -> range:
    return range(length if topology == "ring" else 1)


def _eye(size: int) -> Tensor:
    return torch.eye(size, dtype=torch.float64)


def _line_shift(length: int, topology: Topology, power: float) -> Tensor:
    position = torch.arange(length, dtype=torch.float64)
    r = torch.cat([position.flip(0)[:-1].neg(), position]) - power
    if topology == "ring":
        frequency = position - (length - 1) // 2
        kernel = torch.cos(2 * torch.pi / length * torch.outer(r, frequency)).mean(1)
    else:
        kernel = torch.sinc(r)
    if power == round(power):
        kernel = kernel.round()
    lag = (position[:, None] - position).long() + length - 1
    return kernel[lag]
