"""An invertible map between token sequences and a Gaussian vector, by arithmetic coding."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from symmetry_pl.nn.tokens.gated import TokenModel
from symmetry_pl.nn.tokens.hashing import GOLDEN, mix
from symmetry_pl.nn.tokens.packed import lengths_of

__all__ = ["TokenFlow"]

_ROWS = 250  # whose probabilities are held at once, in double precision
_FLOOR = 1e-4  # share of the uniform distribution in every symbol's: no symbol is impossible


class TokenFlow(nn.Module):
    r"""x ↔ z0 given c, with z0 ~ N(0, I) independent of c where the model of x is right.

    A sequence is coded as arithmetic coding does (Rissanen & Langdon 1979): symbol t is an
    interval of [0, 1) as wide as its probability, :math:`[F_t, F_t + p_t)` with
    :math:`p_t = p(x_t | x_{<t}, c)` and F its cumulative sum over the symbols in ``order``.
    Position t belongs to coordinate ``t mod d`` and divides the interval that is left of it, so
    that coordinate j chooses symbol j coarsely, and symbol j + d within that choice. In the
    interval that remains of each coordinate, its point is

    .. math:: u_j = low_j + width_j\, v_j(x), \qquad z_j = \Phi^{-1}(u_j)

    with v a fixed pseudo-random number of x: what variational dequantisation does with noise, made
    a function. If p is the distribution of x given c, then u is uniform whatever c is, and z0 is
    standard Gaussian: the change of variables of a normalising flow, for sequences. Coordinates
    whose symbols were certain, as all beyond the end are, hold nothing but v.

    The code is exact: ``inverse`` finds every symbol again, in double precision on both sides.
    Single precision of z loses a sequence where one coordinate holds more than 24 bits. The map is
    not continuous: a small step in a coordinate changes the fine symbol, a larger one the coarse
    symbol and what follows from it, and never what stands before.

    Args:
        model: p(x | c).
        dim: d, coordinates of z0.

    Raises:
        ValueError: if there is no coordinate.
    """

    order: Tensor

    def __init__(self, model: TokenModel, dim: int) -> None:
        super().__init__()
        if dim < 1:
            raise ValueError(f"a code needs at least one coordinate, got {dim}")
        self.model, self.dim = model, dim
        self.register_buffer("order", torch.arange(model.symbols))

    @torch.no_grad()
    def forward(self, tokens: Tensor, c: Tensor) -> Tensor:
        """Codes z0 ``(B, d)``, in double precision, of ``tokens`` ``(B, L)`` given ``c``."""
        model = self._exact()
        parts = zip(torch.split(tokens.long(), _ROWS), torch.split(c.double(), _ROWS), strict=True)
        with torch.autocast(c.device.type, enabled=False):
            codes = [self._code(x, *self._intervals(model, x, given)) for x, given in parts]
        return torch.cat(codes)

    @torch.no_grad()
    def inverse(self, z0: Tensor, c: Tensor) -> Tensor:
        """Ids ``(B, L)`` of any codes ``z0`` ``(B, d)`` given ``c``."""
        model, u = self._exact(), torch.special.ndtr(z0.double())
        ids = torch.zeros(len(u), model.length, dtype=torch.int64, device=u.device)
        going = torch.ones(len(u), dtype=torch.bool, device=u.device)
        with torch.autocast(c.device.type, enabled=False):
            state, previous = model.start(c.double()), ids[:, 0]
            for t in range(model.length):
                logits, state = model.step(state, previous)
                upper = self._probabilities(logits).cumsum(1)
                here = u[:, t % self.dim, None].contiguous()
                place = torch.searchsorted(upper, here, right=True)
                place = place.clamp(max=model.symbols - 1)
                top = upper.gather(1, place)[:, 0]
                low = upper.gather(1, (place - 1).clamp(min=0))[:, 0] * (place[:, 0] > 0)
                u[:, t % self.dim] = ((u[:, t % self.dim] - low) / (top - low)).clamp(0.0, 1.0)
                previous = self.order[place[:, 0]] * going
                ids[:, t] = previous
                going &= previous != 0
                if not going.any():
                    break
        return ids

    def _exact(self) -> TokenModel:
        """The model in double precision, so that both directions see the same intervals."""
        return copy.deepcopy(self.model).double()

    def _probabilities(self, logits: Tensor) -> Tensor:
        """Of the symbols in ``order``."""
        p = logits[..., self.order].softmax(-1)
        return (1 - _FLOOR) * p + _FLOOR / self.model.symbols

    def _intervals(self, model: TokenModel, tokens: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Lower ends and widths ``(B, L)`` of the symbols' intervals; past the end [0, 1)."""
        p = self._probabilities(model(tokens, c))
        place = self.order.argsort()[tokens][..., None]
        width = p.gather(-1, place)[..., 0]
        low = p.cumsum(-1).gather(-1, place)[..., 0] - width
        coded = torch.arange(tokens.shape[1], device=c.device) < lengths_of(tokens)[:, None]
        return low * coded, torch.where(coded, width, torch.ones_like(width))

    def _code(self, tokens: Tensor, low: Tensor, width: Tensor) -> Tensor:
        """Points of the coordinates' intervals."""
        start, left = low.new_zeros(len(low), self.dim), low.new_ones(len(low), self.dim)
        for first in range(0, low.shape[1], self.dim):
            now = slice(first, first + self.dim)  # symbols, one for each coordinate
            n = low[:, now].shape[1]
            start[:, :n] += left[:, :n] * low[:, now]
            left[:, :n] *= width[:, now]
        u = start + left * pseudo_random(tokens, self.dim)
        z0: Tensor = torch.special.ndtri(u.clamp(1e-15, 1 - 1e-15))
        return z0


def pseudo_random(tokens: Tensor, dim: int) -> Tensor:
    """Uniform numbers ``(B, dim)`` that depend on nothing but each row's ids.

    They keep 0.0001 off 0 and 1, where the rounding of a code to single precision would matter
    first; more would show how many coordinates a sequence fills.

    >>> ids = torch.tensor([[1, 2], [1, 2], [2, 1]])
    >>> a, b, c = pseudo_random(ids, 3)
    >>> torch.equal(a, b), torch.equal(a, c)
    (True, False)
    """
    state = torch.zeros(len(tokens), dtype=torch.int64, device=tokens.device)
    for column in tokens.long().unbind(1):
        state = mix(state + column + 1)
    bits = mix(state[:, None] + GOLDEN * torch.arange(1, dim + 1, device=tokens.device))
    return 1e-4 + 0.9998 * ((bits >> 11) & (2**53 - 1)).double() / 2**53
