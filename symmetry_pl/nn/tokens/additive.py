"""A property as a sum over what stands in a token sequence, fitted in closed form."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from sklearn.linear_model import Ridge
from torch import Tensor, nn
from torch.nn import functional as F

from symmetry_pl.nn.tokens.hashing import GOLDEN, mix

__all__ = ["AdditiveTerm"]

Array = npt.NDArray[np.float64]

_BUCKETS = 1 << 15  # for runs of one length
_START, _END, _FIRST = 1, 2, 3  # what is no symbol, and the least number of one
_ROWS = 5_000  # whose runs are held at once
_SEEN = 3  # rows in which a feature must occur
_HELD_OUT = 5  # a fifth of the rows chooses the penalty
_PENALTIES = 10.0 ** np.arange(-2.5, 2.6, 0.5)
_STEPS = 500  # of conjugate gradients, at most


class AdditiveTerm(nn.Module):
    r"""Sums over runs of base symbols, :math:`b + \sum_{k \le K} \sum_t w(s_{t-k+1}, \dots, s_t)`.

    The end of a sequence is a symbol, and so is what stands before its first. Fragments are taken
    apart first, so that a run is the same however it was joined. A property that adds up over a
    molecule's parts, as log P does, is learned this way from a few thousand molecules (docs/stib.md
    has the errors, and that of a network alone).

    Runs are told apart by a hash of their symbols' texts to 32,768 weights a length and property:
    it depends on no vocabulary. The weights are buffers: ``measure`` finds them by ridge regression
    of training rows, and nothing trains them on. Until then the term is 0.

    Args:
        symbols: the vocabulary, padding first; the base symbols of a fragment are its words.
        dim: t, properties.
        order: K, base symbols of the longest run.

    Raises:
        ValueError: if there is no run.

    >>> term = AdditiveTerm(("", "C", "O", "C O"), dim=1, order=2)
    >>> a, b = term.runs(torch.tensor([[1, 2, 1], [3, 1, 0]]))
    >>> torch.equal(a, b)  # COC, however it is joined
    True
    """

    weight: Tensor
    offset: Tensor
    parts: Tensor

    def __init__(self, symbols: Sequence[str], dim: int, order: int) -> None:
        super().__init__()
        if order < 1:
            raise ValueError(f"a run has at least one symbol, got order {order}")
        self.order = order
        spelled = [
            [zlib.crc32(part.encode()) + _FIRST for part in text.split()] for text in symbols
        ]
        longest = max(map(len, spelled))
        padded = [row + [0] * (longest - len(row)) for row in spelled]
        self.register_buffer("parts", torch.tensor(padded, dtype=torch.int64), persistent=False)
        self.register_buffer("weight", torch.zeros(order * _BUCKETS, dim))
        self.register_buffer("offset", torch.zeros(dim))

    def runs(self, tokens: Tensor) -> Tensor:
        """Which weights a sequence has, ``(B, K, T)``; −1 where there is no run.

        Args:
            tokens: ids ``(B, L)``, integers in ``[0, V)``; nothing after the first padding counts.
        """
        ids = tokens.long()
        ids = ids * (ids != 0).cumprod(1)
        text = F.pad(self.parts[ids].flatten(1), (0, 1))  # a place for the end, whatever the length
        # gaps between parts of short fragments close up, and the order stays
        text = text.gather(1, (text == 0).to(torch.uint8).argsort(dim=1, stable=True))
        count = (text != 0).sum(1, keepdim=True)
        place = torch.arange(int(count.max()) + 1, device=ids.device)
        text = text[:, : len(place)].masked_fill(place == count, _END)
        found = []
        run = torch.zeros_like(text)
        for k in range(self.order):
            before = F.pad(run, (1, 0), value=_START)[:, :-1] if k else run
            run = mix(before * GOLDEN + text)
            found.append((k * _BUCKETS + (run & (_BUCKETS - 1))).masked_fill(place > count, -1))
        return torch.stack(found, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        """The sums ``(B, t)`` of ``tokens`` ``(B, L)``, in single precision or better."""
        runs = self.runs(tokens).flatten(1)
        there = (runs >= 0).to(self.weight.dtype)
        bag = F.embedding_bag(runs.clamp(min=0), self.weight, mode="sum", per_sample_weights=there)
        return bag + self.offset

    @torch.no_grad()
    def measure(self, tokens: Tensor, y: Tensor) -> float | None:
        r"""Find the weights from training rows by ridge regression.

        A count of deviation σ is divided by √σ, halfway to a standardised one, and runs of each
        length have a variance of 1/K in all. The penalty is the best of eleven on a fifth of the
        rows; the weights are then those of all rows.

        Args:
            tokens: ``(N, L)``.
            y: targets ``(N, t)``.

        Returns:
            R² on the rows that chose the penalty; None, and a term that is 0, where there are too
            few rows to choose one.
        """
        self.weight.zero_()
        self.offset.zero_()
        counts = self._counts(tokens)
        targets = y.detach().cpu().double().numpy()
        features = np.flatnonzero(counts.getnnz(0) >= _SEEN)
        if len(targets) < 2 * _HELD_OUT or not len(features):
            return None
        x = counts[:, features]
        scale = _scales(x, features // _BUCKETS)
        x = x.multiply(scale).tocsr()
        held = np.arange(len(targets)) % _HELD_OUT == 0
        errors = []
        for penalty in _PENALTIES:
            weight, offset = _ridge(x[~held], targets[~held], penalty)
            errors.append(np.square(x[held] @ weight + offset - targets[held]).mean())
        best = int(np.argmin(errors))
        weight, offset = _ridge(x, targets, _PENALTIES[best])
        places = torch.from_numpy(features).to(self.weight.device)
        self.weight[places] = torch.from_numpy(weight * scale[:, None]).to(self.weight)
        self.offset.copy_(torch.from_numpy(offset))
        return float(1 - errors[best] / np.square(targets[held] - targets[~held].mean(0)).mean())

    def _counts(self, tokens: Tensor) -> sparse.csr_matrix:
        """How often each row has each run, ``(N, K · 32,768)``."""
        blocks = []
        for rows in torch.split(tokens, _ROWS):
            runs = self.runs(rows.to(self.parts.device)).flatten(1).cpu().numpy()
            there = runs >= 0
            places = (np.repeat(np.arange(len(runs)), there.sum(1)), runs[there])
            shape = (len(runs), len(self.weight))
            # entries of one place are summed
            blocks.append(sparse.csr_matrix((np.ones(len(places[1])), places), shape))
        return sparse.vstack(blocks, format="csr")


def _scales(x: sparse.csr_matrix, lengths: npt.NDArray[np.int64]) -> Array:
    """One factor a feature, for the counts ``(N, f)`` of runs of some lengths ``(f,)``."""
    mean = np.asarray(x.mean(0)).ravel()
    variance = np.asarray(x.multiply(x).mean(0)).ravel() - mean**2
    deviation = np.sqrt(np.maximum(variance, 1e-12))
    scale = deviation**-0.5
    for k in np.unique(lengths):
        here = lengths == k
        scale[here] /= np.sqrt(len(np.unique(lengths)) * deviation[here].sum())
    return np.asarray(scale)


def _ridge(x: sparse.csr_matrix, y: Array, penalty: float) -> tuple[Array, Array]:
    """Weights ``(f, t)`` and offsets ``(t,)``."""
    found = Ridge(alpha=penalty, solver="sparse_cg", max_iter=_STEPS, tol=1e-6).fit(x, y)
    columns = y.shape[1]
    return found.coef_.reshape(columns, -1).T, np.reshape(found.intercept_, columns)
