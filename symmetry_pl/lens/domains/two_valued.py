r"""Any matrix undone, of pixels that have two values: no other combination of them has so few.

In white coordinates z a direction w gives a number of deviation 1, whose fourth moment is 1 at
least,

.. math:: y = w^\top z, \quad |w| = 1, \qquad E y^4 \ge (E y^2)^2 = 1,

and 1 where y = ±1 in every sample and nowhere else. Pixels of two values, each about as often, are
such directions; where signs come in every combination no others are. They need not be independent,
nor at right angles in z, so that each is looked for by itself and none is held orthogonal to
another. That two values suffice is known of digital signals (Talwar, Viberg and Paulraj 1996); what
unmixes is not symmetry.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["TWO_VALUED", "are_two_valued", "two_valued_shares", "two_valued_unmixing"]

TWO_VALUED = 0.9
"""Share of the variance that two values explain from which a pixel is called two-valued.

1 without noise and 1 / (1 + ν²) with noise of ν deviations; .81 of the arcsine law, .75 of the
uniform and .64 of the normal one.
"""
_MOST = 0.9  # of the rows, as of other verdicts
_ROWS = 10_000  # samples that a search uses
_CHUNK = 4096
_RANK = 1e-9  # of the largest eigenvalue
_ROUNDS = 24
_FEWEST = 32  # starts of a round
_FEW = 0.1  # of the rows that are missing, below which a round brought next to nothing
_IN_VAIN = 2  # such rounds in a row that end the search, as long as _MOST is out of reach
_A_ROW = 2  # starts for each row that is missing
_STEPS, _STEP, _MOMENTUM = 80, 0.5, 0.5
_DECISIONS = 8
_BESIDE = 0.9  # of what is spanned already, that starts leave out
_WORSE, _EXACT = (
    2.0,
    1e-4,
)  # unexplained, of the least of any row, up to which rows are kept at first
_APART = 0.05  # sine to what is spanned already, below which a row is no new one


def two_valued_unmixing(x: Tensor, start: Tensor | None = None, seed: int = 0) -> Tensor:
    r"""The rows whose coordinates have two values each, ``(d, d)``, as many as are found.

    .. math:: w \leftarrow w - \tfrac12 \Bigl( \frac{E (w^\top z)^3 z}{E (w^\top z)^4} - w \Bigr),
        \quad \text{then} \quad w \leftarrow E\, \mathrm{sign}(w^\top z)\, z,

    both to length 1, from random starts at once. The first goes down log E y⁴, and is Newton's
    method at y = ±1; the second, a regression on the nearer of both values, makes (E |y|)² no less
    and is exact where every sign is right. Rows are kept from the most two-valued on, unless others
    span them, and the next starts are at right angles to what is kept: at most twelve rounds.
    Where the first round finds none, or rows are missing after the last, they are filled up at
    random.

    Limits. Both values must be about as frequent: E y⁴ = 1/p + 1/(1 − p) − 3 is below that of a
    normal number for p above .21. Where neighbours nearly always agree, combinations such as
    s₁ − s₂ + s₃ have nearly two values too.

    Args:
        x: samples, ``(n, d)``, of which no combination is constant.
        start: rows to go on from, on all samples.
        seed: of the first directions.

    Returns:
        B, float64, of rows of deviation 1; their order and signs are arbitrary.

    Raises:
        ValueError: if some combination of the inputs never changes.
    """
    centred = x.double() - x.double().mean(0)
    values, vectors = torch.linalg.eigh(centred.T.cov(correction=0))
    if not float(values[0]) > _RANK * float(values[-1]):
        raise ValueError(
            "some combination of the inputs never changes, and a mixing of it cannot be undone: "
            "leave such inputs out, or add noise"
        )
    white = vectors / values.sqrt()
    z = (centred @ white).float()
    if start is None:
        rows = _searched(z[:: -(-len(z) // _ROWS)], values.sqrt().float(), seed)
    else:
        rows = F.normalize(torch.linalg.solve(white, start.double().T).T, dim=1).float()
    basis: Tensor = _decided(z, rows)[0].double() @ white.T
    return basis


def two_valued_shares(x: Tensor, basis: Tensor) -> Tensor:
    r"""Share of the variance of each coordinate that a step explains, ``(d,)``.

    .. math:: \frac{(E\, v\, 1[v > t])^2}{p (1 - p)\, E v^2}, \quad v = B (x - \bar x), \quad
        p = P(v > t)

    with t halfway between the means above and below it (two means, Lloyd's steps from t = 0).

    Args:
        x: samples, ``(n, d)``, best others than the basis was found in.
        basis: B, ``(d, d)``.

    >>> x = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [1.0, 3.0], [-1.0, -3.0]])
    >>> [round(float(share), 3) for share in two_valued_shares(x, torch.eye(2))]
    [1.0, 0.667]
    """
    v = (x.double() - x.double().mean(0)) @ basis.double().T
    v = (v / v.square().mean(0).sqrt()).float()
    step, share = torch.zeros(len(basis)), torch.zeros(len(basis))
    for _ in range(_DECISIONS):
        step, share, _ = _stepped(v, step)
    return share


def are_two_valued(x: Tensor, basis: Tensor) -> bool:
    """Whether nine tenths of the coordinates of samples ``(n, d)`` are two-valued."""
    return float((two_valued_shares(x, basis) > TWO_VALUED).double().mean()) >= _MOST


def _searched(z: Tensor, deviations: Tensor, seed: int) -> Tensor:
    """Rows of length 1 in white coordinates, ``(d, d)``."""
    draw = torch.Generator().manual_seed(seed)
    dim = z.shape[1]
    kept = span = torch.empty(0, dim)  # span has an orthonormal basis of what is kept
    best, slack, in_vain = 0.0, 1.0, 0
    for _ in range(_ROUNDS):
        missing = dim - len(kept)
        starts = torch.randn(max(_FEWEST, _A_ROW * missing), dim, generator=draw)
        # pixels that are strongly tied show in sums of many, where the variance is
        starts[::2] *= deviations
        starts -= _BESIDE * (starts @ span.T) @ span
        rows, shares = _decided(z, _descended(z, F.normalize(starts, dim=1)))
        best = max(best, float(shares.amax()))
        least = max(1 - slack * (_WORSE * (1 - best) + _EXACT), TWO_VALUED)
        before = len(kept)
        kept, span = _joined(kept, span, rows[shares >= least], shares[shares >= least])
        found = len(kept) - before
        in_vain = 0 if found >= _FEW * missing else in_vain + 1
        hopeless = in_vain == _IN_VAIN and len(kept) < _MOST * dim
        if best < TWO_VALUED or len(kept) == dim or hopeless:
            break
        slack *= 1 if found else 2
    rest = torch.randn(dim - len(kept), dim, generator=draw)
    return torch.cat([kept, F.normalize(rest - rest @ span.T @ span, dim=1)])


def _descended(z: Tensor, rows: Tensor) -> Tensor:
    """Rows of less E y⁴, by steps with momentum."""
    before = rows
    for _ in range(_STEPS):
        ahead = F.normalize(rows + _MOMENTUM * (rows - before), dim=1)
        slope = torch.zeros_like(rows)
        for part in torch.split(z, _CHUNK):
            slope += (part @ ahead.T).pow(3).T @ part
        fourth = (slope * ahead).sum(1, keepdim=True)
        before, rows = rows, F.normalize(ahead - _STEP * (slope / fourth - ahead), dim=1)
    return rows


def _decided(z: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of which a step explains no less, ``(k, d)``, and the share, ``(k,)``.

    Each sample is put to the nearer value, and values are regressed on the white samples.
    """
    step = share = torch.zeros(len(rows))
    for _ in range(_DECISIONS):
        step, share, up = _stepped(z @ rows.T, step)
        rows = F.normalize(up.T @ z, dim=1)
    return rows, share


def _stepped(v: Tensor, step: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where the next steps are, the share that these explain, and what is above them.

    Args:
        v: coordinates of mean 0 and deviation 1, ``(n, k)``.
        step: t, ``(k,)``.
    """
    up = (v > step).to(v)
    above = up.mean(0).clamp(0.5 / len(v), 1 - 0.5 / len(v))
    mean = (v * up).mean(0)
    return (mean / above - mean / (1 - above)) / 2, mean.square() / (above * (1 - above)), up


def _joined(kept: Tensor, span: Tensor, rows: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Rows beside those that are kept, the surest first, and what all of them span."""
    for k in shares.argsort(descending=True).tolist():
        new = rows[k] - rows[k] @ span.T @ span
        if len(kept) < rows.shape[1] and new.norm() > _APART:
            new = F.normalize(new - new @ span.T @ span, dim=0)
            kept, span = torch.cat([kept, rows[None, k]]), torch.cat([span, new[None]])
    return kept, span
