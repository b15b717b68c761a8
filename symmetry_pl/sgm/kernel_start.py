"""Where the mixture of kernels starts: concentrations, width, shares and relative elements."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from symmetry_pl.sgm.condensing import condensed, settled

if TYPE_CHECKING:
    from symmetry_pl.sgm.kernel_mixture import KernelMixture

__all__ = ["choose_start"]

_NEAR = 8  # prototypes that one of a pair is among, next to the other
_BESIDE = 32  # prototypes that one's element is the mean of
_AMONG, _ROUNDS = 4096, 3  # relative elements that show where many are, and how often they do
_TRIED = 128  # training clouds that the start is chosen by
_MAXIMISED, _LEAST_SHARE = 30, 1e-3  # rounds, and what a part keeps so that it can grow
_WIDTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
_ROWS = 256


def choose_start(mixture: KernelMixture) -> None:
    """Give a mixture what makes some of its training clouds most likely, each by the others.

    Concentration c and width τ by a grid; relative elements of pairs, without their noise where
    that is likelier; then c' by a grid, and the shares.
    """
    _choose_own(mixture)
    if not mixture.law.linear:
        _choose_pairs(mixture)
        _condense(mixture, _choose_shared(mixture))


def _choose_own(mixture: KernelMixture) -> None:
    """The most likely of a grid of concentrations and widths."""
    tried = slice(0, min(int(mixture.count), _TRIED))
    centres = mixture.centres()
    squares = mixture.law.squares(centres[tried], centres)
    known = mixture.features[: len(centres)]
    apart = torch.cdist(known[tried], known).square()
    itself = mixture.rows[tried][:, None] == mixture.rows[: len(centres)]
    best, chosen = -math.inf, (0.0, 0.0)
    for c in _tried_concentrations(mixture):
        for width in _WIDTHS:
            start = math.log(c), math.log(width)
            mixture.log_concentration.fill_(start[0])
            mixture.log_width.fill_(start[1])
            found = float(mixture.outer_parts(squares, apart, itself).mean())
            best, chosen = max((best, chosen), (found, start))
    mixture.log_concentration.fill_(chosen[0])
    mixture.log_width.fill_(chosen[1])


def _choose_pairs(mixture: KernelMixture) -> None:
    """Relative elements of clouds that are remembered, each with one of the next to it."""
    relative, one, other = _relative(mixture, len(mixture.pairs), 1)
    mixture.pairs.copy_(mixture.group.coordinates(relative))
    mixture.pair_rows.copy_(torch.stack([mixture.rows[one], mixture.rows[other]], 1))


def _relative(mixture: KernelMixture, wanted: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """So many relative elements ``(R, d, d)``, and which clouds they are of, ``(R,)`` each."""
    count, draws = int(mixture.count), torch.Generator().manual_seed(seed)
    one = torch.randint(count, (wanted,), generator=draws).to(mixture.rows.device)
    known = mixture.features[:count]
    apart = torch.cdist(known[one], known)
    apart[torch.arange(len(one), device=one.device), one] = math.inf
    near = apart.topk(min(_NEAR, max(1, count - 1)), 1, largest=False).indices
    pick = torch.randint(near.shape[1], (len(one), 1), generator=draws).to(near.device)
    other = near.gather(1, pick)[:, 0]
    centres = mixture.centres()
    relative = mixture.group.compose(mixture.group.inverse(centres[other]), centres[one])
    return relative, one, other


def _condense(mixture: KernelMixture, best: float) -> None:
    """Less noise in relative elements and in what they move, as long as that is likelier."""
    count = int(mixture.count)
    known, (among, _, _) = mixture.features[:count], _relative(mixture, _AMONG, 2)
    near = torch.cat(
        [
            torch.cdist(part, known).topk(min(_BESIDE, count), 1, largest=False).indices
            for part in torch.split(known, _ROWS)
        ]
    )
    for _ in range(_ROUNDS):
        before = {"pairs": mixture.pairs.clone(), "settled": mixture.settled.clone()}
        c, pairs = mixture.shared_concentration, mixture.group.element(mixture.pairs.double())
        pairs = condensed(mixture.law, pairs, among, c)
        beside = settled(mixture.law, mixture.centres(), near, pairs, c)
        mixture.pairs.copy_(mixture.group.coordinates(pairs))
        mixture.settled[:count] = mixture.group.coordinates(beside).to(mixture.settled)
        found = _choose_shared(mixture)
        if found <= best:
            mixture.pairs.copy_(before["pairs"])
            mixture.settled.copy_(before["settled"])
            _choose_shared(mixture)
            break
        best = found


def _choose_shared(mixture: KernelMixture) -> float:
    """The most likely c', by training clouds under relative elements that are not theirs.

    And the most likely shares π of the three parts.

    Returns:
        Mean log of the second part, nats.
    """
    tried = slice(0, min(int(mixture.count), _TRIED))
    centres, known = mixture.centres(), mixture.features[: int(mixture.count)]
    rows = mixture.rows[tried]
    itself = rows[:, None] == mixture.rows[: len(centres)]
    weights = mixture.log_weights(torch.cdist(known[tried], known).square(), itself)
    best, chosen = -math.inf, 0.0
    for c in _tried_concentrations(mixture):
        mixture.log_shared.fill_(math.log(c))
        found = float(mixture.shared_part(centres[tried], weights, rows).mean())
        best, chosen = max((best, chosen), (found, math.log(c)))
    mixture.log_shared.fill_(chosen)
    squares = mixture.law.squares(centres[tried], centres)
    laws = [mixture.law.log_density(squares, c) for c in (mixture.concentration, mixture.broadest)]
    own, broad = (torch.logsumexp(weights + law, 1) for law in laws)
    shared = mixture.shared_part(centres[tried], weights, rows)
    mixture.share_logits.copy_(_shares(torch.stack([own, shared, broad], 1)).log())
    return best


def _tried_concentrations(mixture: KernelMixture) -> list[float]:
    """A grid, up to the sharpest."""
    return [2.0**k for k in range(1 + int(math.log2(mixture.sharpest)))]


def _shares(log_laws: Tensor) -> Tensor:
    """Shares ``(K,)`` of laws ``(N, K)`` in their mixture, by expectation-maximisation."""
    shares = torch.full_like(log_laws[0], 1 / log_laws.shape[1])
    for _ in range(_MAXIMISED):
        shares = (log_laws + shares.log()).softmax(1).mean(0).clamp(min=_LEAST_SHARE)
    return shares / shares.sum()
