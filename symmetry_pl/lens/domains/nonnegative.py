r"""A rotation or any other mixing undone, of pixels that are never negative.

Where pixels are zero now and then and never below, few bases but their own are free of negative
coordinates, however strongly pixels depend on each other: what unmixes here is the sign, and not
independence. The rotation is found by majorisation and a polar form, which moves pixels of large
and of small energy equally fast. Its local minima, on digits all of one kind, are *mirrored pixels*

.. math:: y = (1 - 2 u u^\top)\, s, \quad u \approx \text{one pixel and less of its neighbours}

rows that are a neighbourhood minus the pixel. They show by the energy of their negative part, and
once they have the other sign, steps that are short enough lead to the pixels.

Non-negative components of independent sources are Plumbley's (2003) and Oja and Plumbley's (2004);
pixels are far from independent, so that samples are not white here, nor centred. The volume that
decides where mixing is no rotation is that of Bioucas-Dias (2009) for hyperspectral mixtures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from symmetry_pl.lens.warm_start.ica import nearest_rotation

__all__ = ["NEGATIVE", "negative_share", "nonnegative_rotation", "nonnegative_unmixing"]

NEGATIVE = 0.05
"""Share of negative energy from which coordinates are no pixels, and a search has found none."""
_ROWS_A_PIXEL = 10  # samples that a search uses
_LEAST_ROWS = 4000
_CHUNK = 4096
_SEARCHES = ((2.5, 0.9, 600), (1.5, 0.9, 600))  # step in safe ones, momentum, most steps
_SAFE = (1.0, 0.95, 60)  # a mirrored pixel stays mended
_BEGINS = 5  # steps without momentum
_PATIENCE = 20  # steps after which a rotation is compared with what it was
_STILL = 3e-4  # mean of 1 - cosine of its rows from which it has come to rest
_ROUNDS = 8
_MIRRORED = 0.5  # of the largest share of negative energy of a row
_MANY = 0.3  # of all rows: then these shares are noise
_RANK = 1e-9  # of the largest second moment
_PRESSURES = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)  # of what is negative
_MENDED = 100.0  # from here on coordinates are nearly pixels
_DESCENT = 60  # steps of each
_FALLS = 2.3  # what is negative, from one of them to the next; 4 to 5 without noise


def nonnegative_rotation(x: Tensor, start: Tensor | None = None, seed: int = 0) -> Tensor:
    r"""The orthogonal basis in which samples have least negative coordinates, ``(d, d)``.

    .. math:: \min_{W^\top W = 1} \tfrac12 \sum_i E \min(w_i^\top x, 0)^2, \quad
        W \leftarrow \mathrm{orth}\, \bigl( W M - c\, E \min(W x, 0)\, x^\top \bigr),
        \quad M = E\, x x^\top

    With c = 1 no step makes it worse, and momentum begins anew where it does; the search takes
    c = 2.5, or 1.5 where that leads nowhere, and ends where rows hardly turn.
    Directions in which samples never move come last, in an arbitrary basis.

    Args:
        x: samples, ``(n, d)``, as they are: neither centred nor white.
        start: W to go on from on all samples; null for a search from a random one.
        seed: of the random one.

    Returns:
        W, float64; the order of its rows is arbitrary.
    """
    space, rest = _space(x)
    inner = x.float() @ space.float()
    if start is not None:
        found = nearest_rotation(start.double()[: space.shape[1]] @ space)
        found = _turned(inner, found.float(), *_SAFE)
    else:
        some = _some(inner)
        found = _mended(some, _searched(some, seed))
    return torch.cat([nearest_rotation(found.double()) @ space.T, rest.T])


def nonnegative_unmixing(x: Tensor, start: Tensor | None = None, seed: int = 0) -> Tensor:
    r"""The rows of least negative coordinates that span the largest volume, ``(d, d)``.

    .. math:: \min_B\; -\log |\det B| + \sum_i \log E y_i
        + \frac{\lambda}{2} \sum_i \frac{E \min(y_i, 0)^2}{(E y_i)^2}, \quad y = B x

    for rising λ, each by L-BFGS in white coordinates, from the rotation of least negative ones
    there. Without noise, what is negative falls faster than 1 / λ; the first λ by which it falls
    little more slowly is the last, as beyond it coordinates bend to what is noise. Those of the
    result have deviation 1.

    Args:
        x: samples, ``(n, d)``, of which no combination is constant.
        start: B to go on from.
        seed: of the first rotation.

    Returns:
        B, float64; the order of its rows is arbitrary.

    Raises:
        ValueError: if some combination of the inputs never changes.
    """
    second = _second(x)
    values, vectors = torch.linalg.eigh(second)
    if not float(values[0]) > _RANK * float(values[-1]):
        raise ValueError(
            "some combination of the inputs never changes, and a mixing of it cannot be undone: "
            "leave such inputs out, or add noise"
        )
    white = vectors / values.sqrt()
    z = (x.double() @ white).float()
    some = _some(z)
    if start is None:
        turn = _mended(some, _searched(some, seed))
        pressures: Sequence[float] = _PRESSURES
    else:
        turn = (start.double() @ torch.linalg.inv(white).T).float()
        pressures = _PRESSURES[2:]
    turn = turn * torch.where((some @ turn.T).mean(0) < 0, -1.0, 1.0)[:, None]
    found = _widened(some, turn, pressures).double() @ white.T
    covariance = found @ (x - x.mean(0)).double().T.cov(correction=0) @ found.T
    scaled: Tensor = found / covariance.diagonal().sqrt()[:, None]
    return scaled


def negative_share(x: Tensor, basis: Tensor) -> float:
    """The energy of negative coordinates over that of all, of samples ``(n, d)``, in a basis."""
    negative = whole = 0.0
    for rows in torch.split(x, _CHUNK):
        y = rows.double() @ basis.T
        negative += float(y.clamp(max=0).square().sum())
        whole += float(y.square().sum())
    return negative / whole


def _space(x: Tensor) -> tuple[Tensor, Tensor]:
    """Orthonormal directions in which samples move, ``(d, r)``, and the others."""
    values, vectors = torch.linalg.eigh(_second(x))
    moves = values > _RANK * values[-1]
    return vectors[:, moves], vectors[:, ~moves]


def _second(x: Tensor) -> Tensor:
    """E x xᵀ, float64."""
    total = torch.zeros(x.shape[1], x.shape[1], dtype=torch.float64)
    for rows in torch.split(x, _CHUNK):
        total.addmm_(rows.double().T, rows.double())
    return total / len(x)


def _some(x: Tensor) -> Tensor:
    """Evenly spread rows, as many as a search needs."""
    wanted = max(_LEAST_ROWS, _ROWS_A_PIXEL * x.shape[1])
    return x[:: max(1, len(x) // wanted)]


def _searched(x: Tensor, seed: int) -> Tensor:
    """A rotation near the pixels, from a random one; with shorter steps if long ones get lost."""
    draw = torch.Generator().manual_seed(seed)
    start = torch.randn(x.shape[1], x.shape[1], dtype=torch.float64, generator=draw)
    found = start = nearest_rotation(start).float()
    for search in _SEARCHES:
        found = _turned(x, start, *search)
        if negative_share(x, found.double()) < NEGATIVE:
            break
    return found


def _turned(x: Tensor, rotation: Tensor, step: float, momentum: float, steps: int) -> Tensor:
    """``rotation`` after steps of so many safe ones, at most so many, with momentum."""
    second = (x.T @ x) / len(x)
    before, earlier, age, best = rotation, rotation, 0, math.inf
    for k in range(steps):
        ahead = rotation + (momentum if age >= _BEGINS else 0.0) * (rotation - before)
        pull, loss = _pull(x, ahead)
        if step <= 1 and age > _BEGINS and loss > best:
            before, age = rotation, 0  # too fast; longer steps rise now and then in any case
            continue
        before, age, best = rotation, age + 1, loss
        rotation = nearest_rotation(ahead @ second - step * pull)
        if k % _PATIENCE == _PATIENCE - 1:
            if float((1 - (rotation * earlier).sum(1)).mean()) < _STILL:
                break
            earlier = rotation
    return rotation


def _pull(x: Tensor, rotation: Tensor) -> tuple[Tensor, float]:
    """E min(W x, 0) xᵀ, and half the energy of negative coordinates."""
    total, loss = torch.zeros_like(rotation), 0.0
    for rows in torch.split(x, _CHUNK):
        negative = (rows @ rotation.T).clamp_(max=0)
        total.addmm_(negative.T, rows)
        loss += 0.5 * float(negative.square().sum())
    return total / len(x), loss / len(x)


def _mended(x: Tensor, rotation: Tensor) -> Tensor:
    """Mirrored pixels get the other sign, as long as that leaves less negative energy."""
    shares, loss = _shares(x, rotation)
    for _ in range(_ROUNDS):
        mirrored = shares > _MIRRORED * shares.max()
        if not 0 < float(mirrored.float().mean()) < _MANY:
            break
        other = _turned(x, torch.where(mirrored[:, None], -rotation, rotation), *_SAFE)
        again, less = _shares(x, other)
        if less >= loss:
            break
        rotation, shares, loss = other, again, less
    return rotation


def _shares(x: Tensor, rotation: Tensor) -> tuple[Tensor, float]:
    """Energy of negative coordinates over all, a row ``(d,)``, and that energy of all rows."""
    y = x @ rotation.T
    negative, whole = y.clamp(max=0).square().mean(0), y.square().mean(0)
    return negative / whole, float(negative.double().sum())


def _widened(z: Tensor, start: Tensor, pressures: Sequence[float]) -> Tensor:
    """Rows of more and more volume, until the weight of what is negative hardly lessens it."""
    weights, before = start, math.inf
    for pressure in pressures:
        weights = _descended(z, weights, pressure)
        if pressure >= _MENDED:
            # mirrored pixels are a rotation of what is nearly pixels
            weights = weights / (z @ weights.T).square().mean(0).sqrt()[:, None]
            weights = _mended(z @ weights.T, torch.eye(len(weights))) @ weights
        left = float(_negative(z @ weights.T).mean())
        if before < _FALLS * left:
            break
        before = left
    return weights


def _descended(z: Tensor, start: Tensor, pressure: float) -> Tensor:
    """Rows of least loss, by L-BFGS."""
    weights = start.clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS(
        [weights], max_iter=_DESCENT, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure() -> float:
        weights.grad = None
        loss = _volume_loss(z, weights, pressure)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return weights.detach()


def _volume_loss(z: Tensor, weights: Tensor, pressure: float) -> Tensor:
    """− log |det W| + Σ log E y + λ / 2 Σ E min(y, 0)² / (E y)²."""
    y = z @ weights.T
    volume = torch.linalg.slogdet(weights)[1] - _means(y).log().sum()
    loss: Tensor = 0.5 * pressure * _negative(y).sum() - volume
    return loss


def _negative(y: Tensor) -> Tensor:
    """E min(y, 0)² / (E y)², ``(d,)``."""
    return y.clamp(max=0).square().mean(0) / _means(y).square()


def _means(y: Tensor) -> Tensor:
    return y.mean(0).clamp(min=1e-3)
