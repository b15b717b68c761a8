"""The chain of a smooth waveform: stationarity, with independent components for places."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from symmetry_pl.lens.warm_start.branches import Branches, ChainBranches
from symmetry_pl.lens.warm_start.descent import Fits, Objective, descend
from symmetry_pl.lens.warm_start.ica import fast_ica, nearest_rotation
from symmetry_pl.lens.warm_start.lattice import Lattice
from symmetry_pl.lens.warm_start.ring_branches import RingBranches
from symmetry_pl.lens.warm_start.seriation import (
    align_signs,
    likeness,
    places,
    spectral_order,
)
from symmetry_pl.lens.warm_start.symbol import fit_symbol
from symmetry_pl.lens.warm_start.whitening import Whitened

__all__ = [
    "Components",
    "basis_cosine",
    "component_places",
    "distinct",
    "independent_components",
    "reflect",
    "search",
    "settle",
]

_ROUGH = 1e-4  # tolerance of ICA that only measures places
_CLIMBS = 6  # choices of branches that are worked out
_COARSE, _FINE = (0.1, 40), (0.01, 60)  # beta and steps of the two rounds of descent
_KEPT = 4
_REFLECTIONS = 12  # that are followed down
_PACKETS = (8, 6, 4, 3, 2)  # shares of the eigenvectors that a wave packet is made of
_SAME = 0.995  # cosine of generators above which two bases are one


@dataclass(frozen=True)
class Components:
    """ICA rotations and where their components lie.

    Attributes:
        filters: rows of all rotations, ``(runs · d, d)``.
        places: X = mean over runs of Rᵀ diag(place) R for each coordinate, ``(1 or 2, d, d)``.
    """

    filters: Tensor
    places: Tensor


def independent_components(
    data: Whitened, lattice: Lattice, runs: int, generator: torch.Generator
) -> Components:
    """Run ICA from several random rotations and measure the places of the components."""
    rotations: list[Tensor] = []
    found: list[Tensor] = []
    for _ in range(runs):
        rotation = fast_ica(
            data.some_rows(), contrast="gauss", generator=generator, tolerance=_ROUGH
        )
        rotation = fast_ica(data.z, contrast="gauss", start=rotation, tolerance=_ROUGH)
        alike, energies = likeness(data, rotation)
        along = places(spectral_order(alike, lattice), energies, lattice)
        place = torch.einsum("ki,kf,kj->fij", rotation, along, rotation)
        if found:  # runs agree up to a reversal, on a ring also up to a turn
            overlap = torch.einsum("fij,gij->fg", found[0], place)
            place = torch.einsum("fg,gij->fij", nearest_rotation(overlap), place)
        rotations.append(rotation)
        found.append(place)
    return Components(torch.cat(rotations), torch.stack(found).mean(0))


def component_places(components: Components, turn: Tensor, objective: Objective) -> Components:
    """The same filters with the places they have on the chain of W = ``turn``."""
    lattice = objective.lattice
    filters = components.filters @ objective.eigenvectors
    along = (filters @ turn.T).square() @ lattice.features
    runs = len(filters) / lattice.dim
    places = torch.einsum("ki,kf,kj->fij", components.filters, along, components.filters) / runs
    return Components(components.filters, places)


def search(data: Whitened, components: Components, objective: Objective) -> Fits:
    """Distinct bases, best first, that the places of ``components`` lead to.

    Starting points are the best choices of branches and, on a chain, the eigenvectors of places.
    """
    lattice, vectors = objective.lattice, data.eigenvectors
    rotated = vectors.T @ components.places @ vectors
    kind = ChainBranches if lattice.topology == "chain" else RingBranches
    branches: Branches = kind(data.eigenvalues, rotated, lattice)
    low = branches.grid()
    agreement = branches.agreement(low)
    choices: dict[tuple[bool, ...], Tensor] = {}
    for start in agreement.argsort(descending=True)[:_CLIMBS].tolist():
        choice = branches.climb(low[start], agreement[start])[0]
        choices[tuple(choice.tolist())] = choice
    starts = [branches.start(choice) for choice in choices.values()]
    if lattice.topology == "chain":
        direct = torch.linalg.eigh(rotated[0])[1].T
        covariance = (direct * data.eigenvalues) @ direct.T
        signs = align_signs(covariance, lattice)
        symbol = fit_symbol(covariance * signs[:, None] * signs, lattice)
        starts.append((direct * signs[:, None], symbol))
    turns, coefficients = (torch.stack(part) for part in zip(*starts, strict=True))
    return settle(objective, Fits.start(turns, coefficients))


def reflect(objective: Objective, fits: Fits) -> Fits:
    """What reflections of the best of ``fits`` lead to.

    No descent changes the determinant of a basis, and where eigenvalues are nearly equal nothing
    but the filters tells one sign from the other. A defect is either one eigenvector turned round,
    or a wave packet of nearly equal eigenvectors at one position: I − 2 w wᵀ in the frame of
    positions with w the share of the position in the weakest eigenvectors.
    """
    dim = objective.lattice.dim
    turn = fits.turns[0]
    packets = [turn.T]
    for count in sorted({max(2, dim // part) for part in _PACKETS}):
        weak = turn[:, dim - count :]
        packets.append(torch.nn.functional.normalize(weak @ weak.T, dim=1))
    packet = torch.cat(packets)
    turns = turn - 2 * packet[:, :, None] * (packet @ turn)[:, None, :]
    starts = Fits.start(turns, fits.coefficients[:1].expand(len(turns), -1))
    beta = _FINE[0]
    value = torch.cat([objective(starts[part], beta)[0].objective for part in _chunks(len(turns))])
    return settle(objective, starts[value.argsort()[:_REFLECTIONS]])


def _chunks(count: int) -> list[list[int]]:
    return [part.tolist() for part in torch.split(torch.arange(count), 64)]


def settle(objective: Objective, fits: Fits) -> Fits:
    """The few best distinct fits after descent from all of ``fits``."""
    for beta, steps in (_COARSE, _FINE):
        fits = distinct(descend(objective, fits, beta, steps), objective.lattice)
        fits = fits[list(range(min(_KEPT, len(fits))))]
    return fits


def basis_cosine(first: Tensor, second: Tensor, lattice: Lattice) -> float:
    """The cosine of the generators of two turns or bases, the better of both directions."""
    shift = lattice.shift()
    one, two = (turn.T @ shift @ turn for turn in (first, second))
    overlap = torch.stack([(one * two).sum(), (one * two.T).sum()])
    return float(overlap.amax() / shift.square().sum())


def distinct(fits: Fits, lattice: Lattice) -> Fits:
    """``fits`` by rising objective without repetitions of a generator."""
    kept: list[int] = []
    for i in fits.objective.argsort().tolist():
        if all(basis_cosine(fits.turns[i], fits.turns[j], lattice) < _SAME for j in kept):
            kept.append(i)
    return fits[kept]
