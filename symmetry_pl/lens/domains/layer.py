"""A layer that undoes a scramble: vectors in, images out, any network behind it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from symmetry_pl.groups.domain import Domain

__all__ = ["DomainLayer"]


class DomainLayer(nn.Module):
    r"""Vectors ``(B, d)`` to images ``(B, 1, H, W)`` of a lattice, or ``(B, 1, L)`` of a line.

    .. math:: y_c = \sum_j W_{cj} x_j, \quad W_{cj} = 1 \text{ where input } j \text{ is at cell } c

    or, of components y = B x of rotated pixels, W B; with several inputs to a place, images
    ``(B, k, H, W)`` or ``(B, k, L)`` of k channels. Cells without an input are 0. Frozen, it is an
    index and no parameter; trainable, W is one, and other maps are learned from there.

    Args:
        places: cell of each input, −1 without one, ``(d,)``; of each group where there are any.
        domain: the cells.
        size: shape of the images, where these shall be larger than what was found: zeros are added
            on all sides. Null for that of the domain.
        trainable: whether W is a parameter.
        basis: B, ``(d, d)``, whose rows are what lies at ``places``; null for the inputs.
        groups: inputs of each place in the order of their channels, ``(m, k)``; null for one.

    Raises:
        ValueError: if ``size`` is smaller than the domain, or has another number of axes.

    >>> layer = DomainLayer(torch.tensor([2, 0, 1]), Domain.line(3))
    >>> layer(torch.tensor([[7.0, 8.0, 9.0]])).tolist()
    [[[8.0, 9.0, 7.0]]]
    """

    index: Tensor
    basis: Tensor | None

    def __init__(
        self,
        places: Tensor,
        domain: Domain,
        size: Sequence[int] | None = None,
        trainable: bool = False,
        basis: Tensor | None = None,
        groups: Tensor | None = None,
    ) -> None:
        super().__init__()
        found = [length for length, _ in domain.axes]
        shape = found if size is None else [int(n) for n in size]
        if len(shape) != len(found) or any(n < m for n, m in zip(shape, found, strict=False)):
            raise ValueError(f"size must be at least {tuple(found)}, got {tuple(shape)}")
        inputs = torch.arange(len(places))[:, None] if groups is None else groups.cpu()
        self.dim, self.channels, self.shape = inputs.numel(), inputs.shape[1], tuple(shape)
        placed = (places >= 0).nonzero()[:, 0].cpu()
        # the number of a zero behind the inputs
        inner = torch.full((self.channels, domain.size), self.dim)
        inner[:, places[placed].cpu()] = inputs[placed].T
        cells = torch.full((self.channels, *shape), self.dim)
        sides = [((n - m) // 2, m) for n, m in zip(shape, found, strict=True)]
        window = (slice(None), *(slice(first, first + m) for first, m in sides))
        cells[window] = inner.view(self.channels, *found)
        self.register_buffer("index", cells.flatten())
        self.register_buffer("basis", basis)
        self.weight = None
        if trainable:
            weight = torch.nn.functional.one_hot(self.index, self.dim + 1)[:, : self.dim]
            weight = weight.to(torch.get_default_dtype() if basis is None else basis.dtype)
            self.weight = nn.Parameter(weight if basis is None else weight @ basis)

    @property
    def taken(self) -> Tensor:
        """Which cells have an input, of the images' shape."""
        return (self.index[: prod(self.shape)] < self.dim).view(self.shape)

    def forward(self, x: Tensor) -> Tensor:
        """Images of vectors.

        Raises:
            ValueError: for vectors of another length.
        """
        if x.shape[-1] != self.dim:
            raise ValueError(f"vectors must have {self.dim} numbers, got {x.shape[-1]}")
        if self.weight is not None:
            cells = x @ self.weight.T
        else:
            inputs = x if self.basis is None else x @ self.basis.T.to(x)
            cells = torch.cat([inputs, inputs.new_zeros(len(x), 1)], 1)[:, self.index]
        return cells.view(len(x), self.channels, *self.shape)

    def extra_repr(self) -> str:
        """Sizes."""
        kind = "frozen" if self.weight is None else "trainable"
        return f"{self.dim} inputs to {' x '.join(map(str, self.shape))}, {kind}"
