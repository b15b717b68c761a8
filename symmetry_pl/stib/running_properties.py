"""What is known of the properties of a molecule that is being written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from symmetry_pl.molecules.prefix.additive import BUCKETS, AdditiveTable
from symmetry_pl.molecules.prefix.fit import fit_additive
from symmetry_pl.molecules.prefix.reader import read_prefixes

__all__ = ["RunningProperties"]

_WEIGHTS = ("offset", "symbol", "hydrogen", "bucket")
_WIDTH = 96
_STEPS, _BATCH, _RATE = 6_000, 512, 3e-3
_READ = 4_000  # molecules at once


class RunningProperties(nn.Module):
    """Running values of standardised properties: sums over atoms and bonds, and functions of them.

    Weights of the sums are least squares on training molecules (``molecules.prefix.fit``). A
    property that does not add up, as QED, is a small network on the others' sums. Nothing is asked
    of a toolkit. All of it is fixed before the first step of training: buffers, no parameters of a
    player.

    Args:
        symbols: the vocabulary, padding first.
        columns: P, properties.
        other: places of those that do not add up.
    """

    offset: Tensor
    symbol: Tensor
    hydrogen: Tensor
    bucket: Tensor
    tag: Tensor

    def __init__(self, symbols: Sequence[str], columns: int, other: Sequence[int]) -> None:
        super().__init__()
        self.symbols = tuple(symbols)
        self.columns, self.other = columns, tuple(other)
        self.adding = tuple(i for i in range(columns) if i not in self.other)
        sizes = {"offset": (), "symbol": (len(symbols),), "hydrogen": (), "bucket": (BUCKETS + 1,)}
        for name, size in sizes.items():
            self.register_buffer(name, torch.zeros(*size, len(self.adding)))
        self.register_buffer("tag", torch.full((BUCKETS,), -1, dtype=torch.int32))
        self.network = nn.Sequential()
        if self.other:
            self.network.extend(_layers(len(self.adding), len(self.other)))
        self.network.requires_grad_(False)
        self._table: AdditiveTable | None = None

    @property
    def table(self) -> AdditiveTable:
        """The weights of the sums."""
        if self._table is None:
            parts = {n: getattr(self, n).float().cpu().numpy() for n in _WEIGHTS}
            self._table = AdditiveTable(**parts, tag=self.tag.cpu().numpy())
        return self._table

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._table = None
        super()._load_from_state_dict(*args, **kwargs)

    def fit(self, tokens: Tensor, y: Tensor) -> Tensor:
        """Learn from training molecules.

        Args:
            tokens: ``(N, L)``.
            y: ``(N, P)``, standardised.

        Returns:
            Mean errors on the last tenth, which is not learned from ``(P,)``.
        """
        y = y.to(self.offset)
        ids, targets = tokens.cpu().numpy().astype(np.int64), y.cpu().double().numpy()
        learned = max(1, len(ids) - len(ids) // 10)
        table = fit_additive(self.symbols, ids[:learned], targets[:learned][:, self.adding])
        for name in (*_WEIGHTS, "tag"):
            getattr(self, name).copy_(torch.from_numpy(getattr(table, name)))
        self._table = None
        sums = self._whole(ids).to(y)
        if self.other:
            self._fit_network(sums[:learned], y[:learned][:, list(self.other)])
        held = slice(learned if learned < len(ids) else 0, None)
        return (self.complete(sums[held]) - y[held]).abs().mean(0)

    def _whole(self, ids: np.ndarray) -> Tensor:
        """Sums of whole molecules ``(N, P')``."""
        parts = [
            read_prefixes(self.symbols, ids[i : i + _READ], self.table).sums[:, -1]
            for i in range(0, len(ids), _READ)
        ]
        return torch.from_numpy(np.concatenate(parts))

    def _fit_network(self, x: Tensor, y: Tensor) -> None:
        """Regress what does not add up on the sums, with noise of its own seed."""
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad(), torch.random.fork_rng([]):
            torch.manual_seed(0)
            for layer in self.network:
                if isinstance(layer, nn.Linear):
                    layer.reset_parameters()
        copies = [p.detach().clone().requires_grad_(True) for p in self.network.parameters()]
        names = [name for name, _ in self.network.named_parameters()]
        optimiser = torch.optim.Adam(copies, lr=_RATE, fused=True)
        steps = min(_STEPS, 30 * len(x))
        with torch.enable_grad(), torch.inference_mode(False):
            for step in range(steps):
                optimiser.param_groups[0]["lr"] = _RATE * (1 - step / steps)
                i = torch.randint(len(x), (_BATCH,), generator=generator)
                found = torch.func.functional_call(
                    self.network, dict(zip(names, copies, strict=True)), (x[i],)
                )
                loss = F.smooth_l1_loss(found, y[i], beta=0.1)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
        for p, q in zip(self.network.parameters(), copies, strict=True):
            p.data.copy_(q.data)

    def complete(self, sums: Tensor) -> Tensor:
        """All properties ``(…, P)`` in their order, of the sums ``(…, P')``."""
        found = sums.new_empty(*sums.shape[:-1], self.columns)
        found[..., list(self.adding)] = sums
        if self.other:
            found[..., list(self.other)] = self.network(sums)
        return found


def _layers(given: int, wanted: int) -> list[nn.Module]:
    return [
        nn.Linear(given, _WIDTH),
        nn.SiLU(),
        nn.Linear(_WIDTH, _WIDTH),
        nn.SiLU(),
        nn.Linear(_WIDTH, wanted),
    ]
