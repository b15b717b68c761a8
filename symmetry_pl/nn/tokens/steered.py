"""A recurrent model of token sequences that is told, at each step, how far it is from its aim."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["SteeredTokenModel", "budget_features"]

_SCALES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Of distances from the aim, in standard deviations of a property."""


def budget_features(
    aim: Tensor, asked: Tensor, so_far: Tensor | None, periods: Sequence[Sequence[float]] = ()
) -> Tensor:
    r"""The aim, and its distance from what is there, at several scales.

    .. math:: \bigl(m,\; m y,\; m \tanh((y - s) / \sigma_k),\; m \cos, m \sin(2 \pi (y - s) / p)
        \bigr)

    What is not asked for is 0 everywhere.

    Args:
        aim: y, properties asked for ``(B, C)``, standardised.
        asked: m, 1 where one is, else 0 ``(B, C)``.
        so_far: s, of the prefixes ``(B, T, C)``; None for a model that is not told.
        periods: p of each property, in standard deviations.

    Returns:
        ``(B, T, F)``, T being 1 without ``so_far``.
    """
    m = asked[:, None]
    given = [m, m * aim[:, None]]
    if so_far is not None:
        rest = aim[:, None] - so_far
        given = [part.expand_as(so_far) for part in given]
        given += [m * (rest / scale).tanh() for scale in _SCALES]
        for i, lengths in enumerate(periods):
            for p in lengths:
                angle = 2 * torch.pi / p * rest[..., i : i + 1]
                given += [m[..., i : i + 1] * angle.cos(), m[..., i : i + 1] * angle.sin()]
    return torch.cat(given, -1)


class SteeredTokenModel(nn.Module):
    """log p(next symbol | symbols so far, features of the prefix, aims), by one GRU.

    Args:
        symbols: V, padding first; the padding is the end.
        features: F, numbers that come with each prefix.
        width: of the recurrence and of the head.
        embedding: of the last symbol; half as many of the atom that is written at.
        code_dim: k, dimensions of a further condition such as a z0; 0 for none.

    >>> model = SteeredTokenModel(symbols=5, features=3, width=8, code_dim=2)
    >>> last = torch.zeros(4, 6, dtype=torch.int64)
    >>> model(last, last, torch.randn(4, 6, 3), code=torch.randn(4, 2))[0].shape
    torch.Size([4, 6, 5])
    """

    def __init__(
        self, symbols: int, features: int, width: int = 256, embedding: int = 48, code_dim: int = 0
    ) -> None:
        super().__init__()
        self.last = nn.Embedding(symbols, embedding)
        self.here = nn.Embedding(symbols, embedding // 2)
        told = embedding + embedding // 2 + features + code_dim
        self.recurrence = nn.GRU(told, width, batch_first=True)
        self.hidden = nn.Linear(width + told, width)
        self.head = nn.Linear(width, symbols)
        self.code_dim = code_dim

    def forward(
        self,
        last: Tensor,
        here: Tensor,
        features: Tensor,
        state: Tensor | None = None,
        code: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities ``(B, T, V)`` and the state after the last of T steps.

        Args:
            last: the symbol before each ``(B, T)``, 0 at the beginning.
            here: the symbol of the atom that is written at ``(B, T)``.
            features: of each prefix ``(B, T, F)``.
            state: after the steps before ``(1, B, width)``; None at the beginning.
            code: the further condition ``(B, k)``, zeros if left out.

        Raises:
            ValueError: for a code that the model has no room for.
        """
        told = [self.last(last), self.here(here), features]
        if code is not None and code.shape[1] != self.code_dim:
            raise ValueError(f"the code has {code.shape[1]} dimensions, not {self.code_dim}")
        if self.code_dim:
            given = features.new_zeros(len(last), self.code_dim) if code is None else code
            told.append(given[:, None].expand(-1, last.shape[1], -1))
        x = torch.cat(told, -1)
        h, state = self.recurrence(x, state)
        logits: Tensor = self.head(F.silu(self.hidden(torch.cat([h, x], -1))))
        return logits.log_softmax(-1), state
