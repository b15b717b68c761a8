"""How many positions of a hidden domain were put where they belong."""

from __future__ import annotations

from itertools import permutations, product
from math import exp, lgamma, log

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from symmetry_pl.groups.domain import Domain

__all__ = [
    "aligned",
    "chance_level",
    "channel_scores",
    "coordinates",
    "exact_share",
    "matched_channels",
    "places_scores",
    "steps",
    "translation_cosines",
]

_SHUFFLES = 20  # random orders that chance is measured on


def coordinates(places: Tensor, domain: Domain) -> Tensor:
    """Where positions lie along each axis, ``(..., g)``, of their numbers in the domain ``(...)``.

    >>> coordinates(torch.tensor([0, 5]), Domain(((2, "chain"), (3, "chain")))).tolist()
    [[0, 0], [1, 2]]
    """
    parts, rest = [], places
    for length, _ in reversed(domain.axes):
        parts.append(rest % length)
        rest = rest // length
    return torch.stack(parts[::-1], -1)


def aligned(found: Tensor, found_in: Domain, truth: Tensor, truth_in: Domain) -> Tensor:
    """Which inputs are where they belong, up to the symmetries of the grid, ``(d,)`` of bool.

    The axes may change places and directions, and all of it may be moved: by the displacement that
    most agree on. Domains of different dimensions, or of lines that close and others that end,
    agree nowhere.

    Args:
        found: place of each input in its domain, −1 without one, ``(d,)``.
        found_in: the domain.
        truth: the same of the truth.
        truth_in: the same of the truth.

    >>> line = Domain.line(5)
    >>> aligned(torch.tensor([4, 3, 2, 0, 1]), line, torch.arange(5), line).tolist()
    [True, True, True, False, False]
    """
    match = torch.zeros(len(found), dtype=torch.bool)
    placed = (found >= 0) & (truth >= 0)
    if sorted(t for _, t in found_in.axes) != sorted(t for _, t in truth_in.axes):
        return match
    if not placed.any():
        return match
    here, there = coordinates(found[placed], found_in), coordinates(truth[placed], truth_in)
    best = torch.zeros(len(here), dtype=torch.bool)
    for order in permutations(range(found_in.dimensions)):
        if any(found_in.axes[a][1] != t for a, (_, t) in zip(order, truth_in.axes, strict=True)):
            continue
        for signs in product((1, -1), repeat=len(order)):
            apart = there - here[:, list(order)] * torch.tensor(signs)
            for axis, (length, topology) in enumerate(truth_in.axes):
                if topology == "ring":
                    apart[:, axis] %= length
            _, which, counts = torch.unique(apart, dim=0, return_inverse=True, return_counts=True)
            same = which == counts.argmax()
            if int(same.sum()) > int(best.sum()):
                best = same
    match[placed] = best
    return match


def exact_share(
    found: Tensor, found_in: Domain, truth: Tensor, truth_in: Domain, live: Tensor | None = None
) -> float:
    """Share of inputs that are where they belong, of those that are ``live``; all by default.

    Args:
        found: as of ``aligned``.
        found_in: as of ``aligned``.
        truth: as of ``aligned``.
        truth_in: as of ``aligned``.
        live: which inputs count, ``(d,)`` of bool; those that are always the same lie anywhere.
    """
    match = aligned(found, found_in, truth, truth_in)
    chosen = match if live is None else match[live]
    return float(chosen.double().mean()) if len(chosen) else 0.0


def chance_level(matches: int, domain: Domain) -> float:
    r"""Bound of the probability that places in random order agree at so many inputs.

    .. math:: P(\text{matches} \ge m) \le \frac{2^g\, g!\, \prod_a (2 n_a - 1)}{m!}

    as a random permutation has C(d, m) (d − m)! / d! = 1 / m! sets of m fixed points on average,
    for each of the ways in which two grids can lie on each other.

    >>> chance_level(9, Domain.line(9)) < 1e-4
    True
    """
    ways = lgamma(domain.dimensions + 1) + domain.dimensions * log(2)
    ways += sum(log(2 * length - 1) for length, _ in domain.axes)
    return exp(min(0.0, ways - lgamma(matches + 1)))


def steps(places: Tensor, domain: Domain, axis: int) -> Tensor:
    """Inputs on neighbouring cells along an axis, ``(k, 2)``: from the first to the second.

    Args:
        places: cell of each input, −1 without one, ``(d,)``.
        domain: the cells.
        axis: of the domain.

    >>> steps(torch.tensor([2, 0, 1, -1]), Domain.line(3), 0).tolist()
    [[1, 2], [2, 0]]
    """
    placed = (places >= 0).nonzero()[:, 0]
    input_at = torch.full((domain.size,), -1)
    input_at[places[placed]] = placed
    length, topology = domain.axes[axis]
    kept = length if topology == "ring" else length - 1
    cells = torch.arange(domain.size).view([n for n, _ in domain.axes])
    here = cells.narrow(axis, 0, kept).flatten()
    there = cells.roll(-1, axis).narrow(axis, 0, kept).flatten()
    pairs = torch.stack([input_at[here], input_at[there]], 1)
    return pairs[(pairs >= 0).all(1)]


def translation_cosines(
    found: Tensor, found_in: Domain, truth: Tensor, truth_in: Domain
) -> list[float]:
    r"""Cosine of the translation along each true axis with the found one that is nearest to it.

    .. math:: \frac{\langle G, S \rangle}{\|G\| \|S\|}
        = \frac{|\text{steps in both}|}{\sqrt{|\text{found}|\,|\text{true}|}}

    as translations of permuted pixels are matrices of zeros and ones. Of both directions the larger
    counts; an axis that no found one is left for counts 0.

    Args:
        found: as of ``aligned``.
        found_in: as of ``aligned``.
        truth: as of ``aligned``.
        truth_in: as of ``aligned``.
    """
    size = len(found)
    ideal = [_numbers(steps(truth, truth_in, axis), size) for axis in range(truth_in.dimensions)]
    table = torch.zeros(truth_in.dimensions, found_in.dimensions)
    for axis in range(found_in.dimensions):
        pairs = steps(found, found_in, axis)
        ways = [_numbers(one, size) for one in (pairs, pairs.flip(1))]
        for k, true in enumerate(ideal):
            both = max(int(torch.isin(way, true).sum()) for way in ways)
            table[k, axis] = both / max(1.0, (len(pairs) * len(true)) ** 0.5)
    rows, columns = linear_sum_assignment(table.numpy(), maximize=True)
    cosines = [0.0] * truth_in.dimensions
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        cosines[row] = float(table[row, column])
    return cosines


def places_scores(
    found: Tensor, found_in: Domain, truth: Tensor, truth_in: Domain, live: Tensor
) -> dict[str, float]:
    """How near places are to the truth, by the names that this is logged under.

    ``exact_places`` of the live inputs, and ``exact_places_chance``, the mean over the same places
    in random orders; ``generator_cosine``, the mean over axes, ``generator_cosine_least``, and
    ``generator_cosine_ceiling``, the mean of the true places of the live inputs alone.

    Args:
        found: as of ``aligned``.
        found_in: as of ``aligned``.
        truth: as of ``aligned``.
        truth_in: as of ``aligned``.
        live: inputs that ever change, ``(d,)`` of bool.
    """
    generator = torch.Generator().manual_seed(0)
    chosen = live.nonzero()[:, 0]
    chance = []
    for _ in range(_SHUFFLES):
        shuffled = found.clone()
        shuffled[chosen] = found[chosen[torch.randperm(len(chosen), generator=generator)]]
        chance.append(exact_share(shuffled, found_in, truth, truth_in, live))
    cosines = translation_cosines(found, found_in, truth, truth_in)
    known = torch.where(live, truth, -1)
    ceiling = translation_cosines(known, truth_in, truth, truth_in)
    return {
        "exact_places": exact_share(found, found_in, truth, truth_in, live),
        "exact_places_chance": sum(chance) / len(chance),
        "generator_cosine": sum(cosines) / len(cosines),
        "generator_cosine_least": min(cosines),
        "generator_cosine_ceiling": sum(ceiling) / len(ceiling),
    }


def channel_scores(
    places: Tensor,
    channels: Tensor,
    found_in: Domain,
    truth: Tensor,
    truth_in: Domain,
    true_channels: Tensor,
) -> dict[str, float]:
    """How near places and channels are to the truth, where each place has several inputs.

    ``exact_places`` of inputs; ``exact_channels``, up to the order of all channels; and, of inputs
    with the right channel, ``generator_cosine``, the mean over channels and axes, and
    ``generator_cosine_least``.

    Args:
        places: found place of each input, −1 without one, ``(d,)``.
        channels: found channel of each, ``(d,)``.
        found_in: the domain of places.
        truth: true place of each, ``(d,)``.
        truth_in: the domain of true places.
        true_channels: true channel of each, ``(d,)``.
    """
    count = int(true_channels.max()) + 1
    named = matched_channels(channels, true_channels)
    cosines = []
    for channel in range(count):
        own, other = named == channel, true_channels == channel
        cosines += translation_cosines(
            torch.where(own, places, -1), found_in, torch.where(other, truth, -1), truth_in
        )
    return {
        "exact_places": exact_share(places, found_in, truth, truth_in),
        "exact_channels": float((named == true_channels).double().mean()),
        "generator_cosine": sum(cosines) / len(cosines),
        "generator_cosine_least": min(cosines),
    }


def matched_channels(found: Tensor, truth: Tensor) -> Tensor:
    """Found channels ``(d,)`` by the names of the true ones ``(d,)`` that most inputs agree with.

    >>> matched_channels(torch.tensor([0, 0, 1, 1, 2]), torch.tensor([2, 2, 0, 1, 0])).tolist()
    [2, 2, 1, 1, 0]
    """
    count = 1 + int(torch.maximum(found.max(), truth.max()))
    pairs = torch.bincount(found * count + truth, minlength=count * count).view(count, count)
    names = torch.from_numpy(linear_sum_assignment(pairs.numpy(), maximize=True)[1])
    return names[found]


def _numbers(pairs: Tensor, size: int) -> Tensor:
    """One number for each pair of inputs."""
    return pairs[:, 0] * size + pairs[:, 1]
