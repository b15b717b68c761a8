"""Gated linear recurrences that write a token sequence given a vector."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from symmetry_pl.nn.token_mask import TokenMask
from symmetry_pl.nn.tokens.packed import Packing, lengths_of, scan, shift
from symmetry_pl.nn.tokens.residual import ResidualBlock

__all__ = ["GatedRecurrence", "TokenModel"]


class GatedRecurrence(nn.Module):
    r"""A gated linear recurrence and a residual MLP, both pre-normalised.

    With :math:`u = \mathrm{LN}(x)` and :math:`v_t = (u_t, u_{t-1})`

    .. math:: f_t = \sigma(W_f v_t), \quad
        h_t = f_t \odot h_{t-1} + (1 - f_t) \odot W_c v_t, \quad
        x_t + W_o\,(h_t \odot \mathrm{SiLU}(W_g v_t)),

    then a ``ResidualBlock``. The gates do not see h (Feng et al. 2024, "Were RNNs all we needed?"),
    so that all matrix products run over all positions at once, and what remains of the recurrence
    is one multiplication a position. At the start the block is the identity, and its memory
    reaches from one to twenty positions back.

    Args:
        width: size of x.
        hidden: size of the MLP's hidden layer.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.width = width
        self.norm = nn.LayerNorm(width)
        self.gates = nn.Linear(2 * width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = ResidualBlock(width, hidden)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        with torch.no_grad():
            self.gates.bias[:width] = torch.linspace(-2.0, 3.0, width)

    def forward(self, x: Tensor, sizes: tuple[int, ...]) -> Tensor:
        """The stream after the block, packed as ``x`` ``(N, width)``."""
        u = self.norm(x)
        forget, update, gate = self._gates(u, shift(u, sizes))
        return self._after(x, scan(forget, update, sizes), gate)

    def start(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """State before the first position, like ``x`` ``(B, width)``."""
        return torch.zeros_like(x), torch.zeros_like(x)

    def step(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One position ``(B, width)`` of every row, and the state after it."""
        h, before = state
        u = self.norm(x)
        forget, update, gate = self._gates(u, before)
        h = forget * h + update
        return self._after(x, h, gate), (h, u)

    def _gates(self, u: Tensor, before: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        forget, content, gate = self.gates(torch.cat([u, before], 1)).split(self.width, 1)
        forget = forget.sigmoid()
        return forget, (1 - forget) * content, gate

    def _after(self, x: Tensor, h: Tensor, gate: Tensor) -> Tensor:
        out: Tensor = self.mlp(x + self.out(h * F.silu(gate)))
        return out


class TokenModel(nn.Module):
    r"""An autoregressive model of token sequences given a vector, p(x | c) = ∏ p(x_t | x_<t, c).

    The vector enters with sines and cosines of its coordinates, at single precision also under
    autocast, passes residual blocks, and is added to the embedding of every position.

    Args:
        length: L, tokens per sequence, padding included.
        symbols: V, size of the vocabulary, padding included.
        dim: size of c.
        width: size of the residual stream.
        hidden: size of the hidden layer of each block.
        blocks: recurrences.
        frequencies: octaves of the sines and cosines, from 3/2 radians a unit upwards.
        stem_blocks: residual blocks, of twice the width, that c passes.

    >>> model = TokenModel(length=5, symbols=3, dim=2, width=8, hidden=16)
    >>> model.nll(torch.tensor([[1, 2, 1, 0, 0]]), torch.zeros(1, 2)).shape
    torch.Size([1])
    """

    def __init__(
        self,
        length: int,
        symbols: int,
        dim: int,
        width: int = 256,
        hidden: int = 512,
        blocks: int = 3,
        frequencies: int = 3,
        stem_blocks: int = 1,
    ) -> None:
        super().__init__()
        self.length, self.symbols = length, symbols
        self.frequencies = frequencies
        self.stem = nn.Linear(dim * (1 + 2 * frequencies), 2 * width)
        self.stem_blocks = nn.Sequential(
            *(ResidualBlock(2 * width, 4 * width) for _ in range(stem_blocks))
        )
        self.stem_norm = nn.LayerNorm(2 * width)
        self.condition = nn.Linear(2 * width, width)
        self.embedding = nn.Embedding(symbols, width)
        nn.init.normal_(self.embedding.weight, std=0.5)
        layers = [GatedRecurrence(width, hidden) for _ in range(blocks)]
        self.blocks: Sequence[GatedRecurrence] = nn.ModuleList(layers)  # type: ignore[assignment]
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, symbols)

    def nll(self, tokens: Tensor, c: Tensor) -> Tensor:
        """−log p(x | c) in nats ``(B,)``, the end of each sequence included.

        Args:
            tokens: ``(B, L)``, integers in ``[0, V)``.
            c: ``(B, dim)``.
        """
        packing = Packing.of(lengths_of(tokens))
        targets = packing.pack(tokens)
        losses = F.cross_entropy(self._logits(tokens, c, packing), targets, reduction="none")
        return packing.total(losses)

    def forward(self, tokens: Tensor, c: Tensor) -> Tensor:
        """Logits of every position given those before it, ``(B, L, V)``; 0 beyond the end."""
        packing = Packing.of(lengths_of(tokens))
        logits = packing.pad(self._logits(tokens, c, packing))
        return F.pad(logits, (0, 0, 0, self.length - logits.shape[1]))

    def start(self, c: Tensor) -> _State:
        """What ``step`` needs before the first position."""
        e = self._condition(c)
        return _State(e, tuple(block.start(e) for block in self.blocks))

    def step(self, state: _State, previous: Tensor) -> tuple[Tensor, _State]:
        """Logits of a position ``(B, V)`` after the symbols ``previous`` ``(B,)``, 0 at first."""
        h = self.embedding(previous) + state.condition
        memories = []
        for block, memory in zip(self.blocks, state.memories, strict=True):
            h, memory = block.step(h, memory)
            memories.append(memory)
        return self._head(h), _State(state.condition, tuple(memories))

    @torch.no_grad()
    def most_likely(self, c: Tensor, mask: TokenMask | None = None) -> Tensor:
        """Ids ``(B, L)``, at every position the most likely symbol after those written so far.

        Args:
            c: ``(B, dim)``.
            mask: symbols that may follow; without one, any.
        """
        ids = torch.zeros(len(c), self.length, dtype=torch.int64, device=c.device)
        going = torch.ones(len(c), dtype=torch.bool, device=c.device)
        state, previous = self.start(c), ids[:, 0]
        grammar = None if mask is None else mask.start(len(c))
        for t in range(self.length):
            logits, state = self.step(state, previous)
            if mask is not None:
                logits = logits.masked_fill(~mask.allowed(grammar), -torch.inf)
            previous = logits.argmax(1) * going
            if mask is not None:
                grammar = mask.step(grammar, previous)
            ids[:, t] = previous
            going &= previous != 0
            if not going.any():
                break
        return ids

    @torch.no_grad()
    def candidates(self, c: Tensor, count: int) -> Tensor:
        """The likeliest sequences that a beam search finds, best first, ``(B, count, L)``.

        Args:
            c: ``(B, dim)``.
            count: width of the beam.
        """
        rows = torch.arange(len(c), device=c.device)[:, None] * count
        state = self.start(c.repeat_interleave(count, 0))
        ids = torch.zeros(len(c) * count, self.length, dtype=torch.int64, device=c.device)
        scores = torch.full((len(c), count), -torch.inf, device=c.device)
        scores[:, 0] = 0.0  # at first there is one beginning, the empty one
        ended = torch.full((self.symbols,), -torch.inf, device=c.device)
        ended[0] = 0.0  # a finished sequence goes on with padding, at no cost
        going, previous = torch.ones_like(ids[:, 0], dtype=torch.bool), ids[:, 0]
        for t in range(self.length):
            logits, state = self.step(state, previous)
            gains = torch.where(going[:, None], logits.float().log_softmax(1), ended)
            total = scores[..., None] + gains.view(-1, count, self.symbols)
            scores, best = total.flatten(1).topk(count)
            origin = (rows + best // self.symbols).flatten()
            previous = (best % self.symbols).flatten()
            ids, state = ids[origin], state.rows(origin)
            ids[:, t] = previous
            going = going[origin] & (previous != 0)
            if not going.any():
                break
        return ids.view(-1, count, self.length)

    def _logits(self, tokens: Tensor, c: Tensor, packing: Packing) -> Tensor:
        previous = F.pad(tokens[:, :-1], (1, 0))
        h = self.embedding(packing.pack(previous)) + packing.spread(self._condition(c))
        for block in self.blocks:
            h = block(h, packing.sizes)
        return self._head(h)

    def _head(self, h: Tensor) -> Tensor:
        logits: Tensor = self.head(self.norm(h))
        return logits.float() if logits.dtype == torch.bfloat16 else logits

    def _condition(self, c: Tensor) -> Tensor:
        with torch.autocast(c.device.type, enabled=False):
            c = c.to(self.stem.weight.dtype)
            waves = [c * (1.5 * 2.0**k) for k in range(self.frequencies)]
            e = self.stem(torch.cat([c, *(f(w) for w in waves for f in (torch.sin, torch.cos))], 1))
        out: Tensor = self.condition(self.stem_norm(self.stem_blocks(e)))
        return out


class _State:
    """The condition and the memory of every block."""

    def __init__(self, condition: Tensor, memories: tuple[tuple[Tensor, Tensor], ...]) -> None:
        self.condition, self.memories = condition, memories

    def rows(self, index: Tensor) -> _State:
        """The state of some rows, in the order of ``index``."""
        memories = tuple((h[index], u[index]) for h, u in self.memories)
        return _State(self.condition[index], memories)
