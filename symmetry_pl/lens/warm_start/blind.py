"""From raw vectors alone to the hidden chain: the warm start of SymmetryLens.

Whitening leaves only a rotation unknown. Stationarity of the second moments leaves of that rotation
the signs of d eigenvectors and the choice between symbols of equal spectrum. Independent components
are local filters wherever the waveform has edges, so their places settle both:

1. *Narrow waveforms.* Components lie near each other if they share much (``likeness``). If in
   order of place they leave the covariance stationary (Toeplitz; circulant on a ring) up to
   sampling noise, they are the positions (``narrow``).
2. *Smooth waveforms.* Otherwise the components only measure places. Candidates are the stationary
   covariances with the spectrum of the data, judged by those places (``branches``), and followed
   down J = KL from stationary + β · extent of the filters (``descent``, ``smooth``). Each half of
   the samples is searched by itself (``half_search``), from new components until both lead to the
   same stationary chain, or ``effort`` is spent; that chain is followed to its end on all samples.
3. The last descent (``polish``) also makes moments of the amplitudes |y| stationary, which resolves
   what nearly equal eigenvalues leave open (``amplitudes``). β is the largest at which what remains
   non-stationary is no more than sampling noise: the discrepancy principle of Morozov.

What two halves that were searched apart agree in is ``evidence``, of which there is a ``verdict``.
Nothing is chosen by labels or by gradients of SymmetryLens's loss. That components near each other
have correlated energies is the idea of topographic ICA (Hyvärinen, Hoyer and Inki 2001).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from symmetry_pl.core.registry import check_choice
from symmetry_pl.groups.domain import Topology
from symmetry_pl.lens.warm_start.amplitudes import AmplitudeMisfit
from symmetry_pl.lens.warm_start.dependence import block_length
from symmetry_pl.lens.warm_start.descent import Fits, Objective
from symmetry_pl.lens.warm_start.evidence import Evidence, closes, evidence
from symmetry_pl.lens.warm_start.half_search import HalfSearch, mended
from symmetry_pl.lens.warm_start.lattice import Lattice, chain_generator
from symmetry_pl.lens.warm_start.narrow import ordered_components
from symmetry_pl.lens.warm_start.polish import Polished, near, polished
from symmetry_pl.lens.warm_start.smooth import basis_cosine, distinct
from symmetry_pl.lens.warm_start.verdict import AGREE, STATIONARY, Verdict, judged
from symmetry_pl.lens.warm_start.whitening import Whitened, whiten

__all__ = ["WarmStart", "blind_source"]

_Halves: TypeAlias = tuple[Whitened, Whitened]

_STATIONARY = 5.0  # times the sampling level that may remain of a chain found in both halves
_SETTLED = 1.5  # times the sampling level that components may leave without a descent
_NEARLY = 0.03  # nats a position that components may leave all the same; smooth waveforms: 0.4 up
_FOUND_AGAIN = 0.97  # cosine of the chains of two halves; what parts them is then mended
_GAIN = 1e-3  # relative fall of J that is worth another descent
_CLEARLY = 0.8  # times the misfit of a chain that its mirror must have at most to be taken for it
_IDLE = 1  # searches of a half that found nothing better
_CONFIDENT = 0.5
_APART = 0.04  # 1 - cosine of two halves at which confidence is one half


@dataclass(frozen=True)
class WarmStart:
    """A hidden chain, and how far to trust it.

    Attributes:
        basis: Q, ``(d, d)``, float64, orthogonal; row k is the direction of hidden position k.
        halves: the same of either half of the samples, found without the other, ``(2, d, d)``.
        method: "narrow" if the independent components are the positions, "smooth" if they only
            told places.
        stationarity: Gaussian KL of Q x from stationary over the level that sampling alone leaves:
            at most about 1 if x is stationary in this basis.
        misfit: the same of covariance and amplitudes together.
        evidence: what the halves say of each other.
        diagnostics: figures of the search.
        samples: as many independent ones as there are.
        white: whether the covariance is a multiple of the identity.
        closed: whether the ends of a chain are neighbours.
        topology: "chain" or "ring".
    """

    basis: Tensor
    halves: Tensor
    method: str
    stationarity: float
    misfit: float
    evidence: Evidence
    diagnostics: dict[str, float]
    samples: int
    white: bool
    closed: bool
    topology: Topology = "chain"

    @property
    def verdict(self) -> Verdict:
        """What was found, in words."""
        return judged(self.topology, dim=len(self.basis), **self.figures)

    @property
    def agrees(self) -> bool:
        """Whether both halves have it, stationary or not."""
        return self.evidence.agreement >= AGREE

    @property
    def confidence(self) -> float:
        r"""Probability that the generator has a cosine of at least .99 with a true one.

        .. math:: \frac{\min(1, (2 / m)^2)}{1 + ((1 - a) / .04)^3}

        with a the agreement of the halves, whose generators scatter about four times as far from
        each other as the whole's from the truth, and m the misfit. The form is ours; how often it
        holds is what ``symmetry reproduce lens/significance`` counts.
        """
        if self.white or self.closed:
            return 0.0
        apart = max(0.0, 1 - self.evidence.agreement) / _APART
        return min(1.0, (STATIONARY / self.misfit) ** 2) / (1 + apart**3)

    @property
    def confident(self) -> bool:
        """Whether the confidence is at least one half."""
        return self.confidence >= _CONFIDENT

    @property
    def figures(self) -> dict[str, float]:
        """What the verdict is made of, by the names of the arguments of ``judged``."""
        return {
            "samples": float(self.samples),
            "agreement": self.evidence.agreement,
            "p_value": self.evidence.p_value,
            "misfit": self.misfit,
            "white": float(self.white),
            "closed": float(self.closed),
        }

    def generator(self) -> Tensor:
        """Σ_k q_{k+1} q_kᵀ, ``(d, d)``; on a ring the full cycle."""
        return chain_generator(self.basis, self.topology)


def blind_source(
    x: Tensor,
    *,
    topology: Topology | Literal["auto"] = "chain",
    seed: int = 0,
    effort: int = 1,
    max_samples: int | None = 200_000,
    block: int | None = None,
) -> WarmStart:
    """Find the orthonormal chain of positions along which the law of ``x`` is stationary.

    Takes 1-2 CPU-seconds for narrow waveforms and 20-25 for smooth ones of d ≈ 30, at 60,000
    samples. Deterministic in the seed.

    Limits. The hidden basis must be orthonormal (any other mixing is hidden by whitening), the law
    stationary, and the waveforms have edges or peaks enough to be told from Gaussian noise: for
    Gaussian processes the problem has no answer. The search starts from spectra with one peak.
    Smooth waveforms need some 100 samples a dimension.

    Args:
        x: samples, ``(n, d)`` with n > d ≥ 3.
        topology: whether the positions end ("chain") or close ("ring"). With "auto" a ring is
            looked for, too, where no chain is found, or one whose ends are neighbours; of two that
            are no symmetry, the one that halves agree in, or that is nearer to stationary.
        seed: of the random starts and of the subset.
        effort: smooth waveforms: at most 2 + 2 · effort searches of either half.
        max_samples: use a random subset of at most this many; ``None`` uses all.
        block: rows next to each other that may depend on each other, as windows of a series do;
            found from their correlations if null, 1 if none do. Where it is more than 1, the halves
            are all rows before and all after the middle, and a subset is the first rows.

    Returns:
        The chain; its direction and overall sign are arbitrary.

    Raises:
        ValueError: if x is not a usable sample (see ``whiten``), or an option is out of range.
    """
    if effort < 0:
        raise ValueError(f"effort must not be negative, got {effort}")
    if block is not None and block < 1:
        raise ValueError(f"block must be at least 1, got {block}")
    check_choice("topology", topology, ("auto", *get_args(Topology)))
    with _one_thread():
        generator = torch.Generator().manual_seed(seed)
        x = x.detach().cpu()
        data = whiten(x, max_samples, generator, block or _block(x, generator))
        halves = data.halves(generator)
        if topology != "auto":
            return _on(Lattice(data.dim, topology), data, halves, generator, effort)
        chain = _on(Lattice(data.dim, "chain"), data, halves, generator, effort)
        if chain.verdict.found or chain.white:
            return chain
        ring = _on(Lattice(data.dim, "ring"), data, halves, generator, effort)
        return max(chain, ring, key=lambda one: (one.verdict.found, one.agrees, -one.misfit))


def _on(
    lattice: Lattice, data: Whitened, halves: _Halves, generator: torch.Generator, effort: int
) -> WarmStart:
    found = _narrow(data, halves, lattice, generator)
    return found or _smooth(data, halves, lattice, generator, effort)


def _block(x: Tensor, generator: torch.Generator) -> int:
    """That of rows which are numbers; ``whiten`` refuses others."""
    usable = x.ndim == 2 and bool(torch.isfinite(x).all()) and bool((x.amax(0) > x.amin(0)).all())
    return block_length(x, generator) if usable else 1


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run many small operations without the overhead of handing them to threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _narrow(
    data: Whitened, halves: _Halves, lattice: Lattice, generator: torch.Generator
) -> WarmStart | None:
    """Independent components as positions, if that leaves x nearly stationary; None if not.

    White data have no order, and get this one.
    """
    parts = [ordered_components(half, lattice, generator) for half in halves]
    white = data.is_white()
    if not white and basis_cosine(parts[0].basis, parts[1].basis, lattice) <= _FOUND_AGAIN:
        return None
    start = min(parts, key=lambda part: part.kl).basis
    whole = ordered_components(data, lattice, generator, start)
    level = data.sampling_level()
    bases, kl, figures = [whole.basis, parts[0].basis, parts[1].basis], whole.kl, {"kl": whole.kl}
    if white:
        return _found(data, halves, lattice, generator, "narrow", bases, kl, figures)
    if kl > max(_STATIONARY * level, _NEARLY * data.dim):
        return None
    amplitudes = AmplitudeMisfit(data, lattice)
    turn = whole.basis @ data.eigenvectors
    allowed = level + amplitudes.level(turn)
    unsettled = kl + float(amplitudes(turn)[0]) > _SETTLED * allowed
    end = _settled(data, whole.basis, lattice) if unsettled else None
    if end is not None and end.misfit <= STATIONARY:  # else descent leads away, not to stationarity
        pairs = zip(halves, parts, strict=True)
        settled = [_settled(half, part.basis, lattice).basis for half, part in pairs]
        bases, kl, figures = [end.basis, *settled], end.kl, end.figures
    return _found(data, halves, lattice, generator, "narrow", bases, kl, figures)


def _found(
    data: Whitened,
    halves: _Halves,
    lattice: Lattice,
    generator: torch.Generator,
    method: str,
    bases: list[Tensor],
    kl: float,
    figures: dict[str, float],
) -> WarmStart:
    """The chain of the whole, judged by those of the halves: ``bases`` in this order."""
    amplitudes = AmplitudeMisfit(data, lattice)
    turn, level = bases[0] @ data.eigenvectors, data.sampling_level()
    remains, allowed = kl + float(amplitudes(turn)[0]), level + amplitudes.level(turn)
    return WarmStart(
        basis=bases[0],
        halves=torch.stack(bases[1:]),
        method=method,
        stationarity=kl / level,
        misfit=remains / allowed,
        evidence=evidence(halves, (bases[1], bases[2]), lattice, generator),
        diagnostics=figures,
        samples=round(len(data) / data.inflation),
        white=data.is_white(),
        closed=lattice.topology == "chain" and closes(data, bases[0]),
        topology=lattice.topology,
    )


def _settled(data: Whitened, basis: Tensor, lattice: Lattice) -> Polished:
    """A chain of components after descent from it, with themselves as filters."""
    objective = Objective(data.eigenvalues, data.eigenvectors, basis, lattice)
    return polished(data, objective, near(data, objective, basis))


def _mean_signed(data: Whitened, end: Polished, lattice: Lattice) -> Polished:
    """The more stationary of a chain and its mirror Q − 2 1 1ᵀQ / d.

    Components of smooth waveforms hardly respond to the mean over positions, so that the extent of
    their filters does not tell its sign; moments do. On a ring both have the same generator.
    """
    mirror = end.basis - 2 * end.basis.mean(0)
    one, other = (_settled(data, basis, lattice) for basis in (end.basis, mirror))
    return other if other.misfit < _CLEARLY * one.misfit else end


def _smooth(
    data: Whitened, halves: _Halves, lattice: Lattice, generator: torch.Generator, effort: int
) -> WarmStart:
    """Search both halves until they lead to one stationary chain.

    At most 2 + 2 · effort times each. Agreement on a chain that leaves much non-stationary is no
    reason to stop. Two chains, each of which its half comes back to, are no fault of the search.
    """
    searches = [HalfSearch(half, lattice, generator) for half in halves]
    end, reached = None, math.inf
    for _ in range(2 + 2 * effort):
        for one in searches:
            one.again()
        objective = HalfSearch.objective_of(data, searches)
        carried = [one.carried(data, objective) for one in searches]
        fits = distinct(Fits.joined(carried), lattice)
        best = float(fits.objective[0])
        same = basis_cosine(carried[0].turns[0], carried[1].turns[0], lattice) > _FOUND_AGAIN
        if same and best < reached - _GAIN * abs(best):
            end, reached = polished(data, objective, mended(fits, objective)), best
            if end.misfit <= STATIONARY:
                break
        if not same and min(one.idle for one in searches) >= _IDLE:
            break
    if end is None or best < reached - _GAIN * abs(best):
        end = polished(data, objective, mended(fits, objective))
    ends = [polished(one.data, one.objective, one.fits) for one in searches]
    if lattice.topology == "chain":
        end = _mean_signed(data, end, lattice)
        ends = [_mean_signed(*one, lattice) for one in zip(halves, ends, strict=True)]
    bases = [end.basis, ends[0].basis, ends[1].basis]
    return _found(data, halves, lattice, generator, "smooth", bases, end.kl, end.figures)
