"""Players take turns: who moves, and one step of each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from symmetry_pl.core.finite import total_norm
from symmetry_pl.core.phases import Phases
from symmetry_pl.core.players import Player

if TYPE_CHECKING:
    from symmetry_pl.core.module import SymmetryModule


class Turns:
    """The players of one module, its optimisers, and whose turn it is.

    Args:
        players: by name.

    Raises:
        ValueError: if two players share a parameter.
    """

    def __init__(self, players: dict[str, Player]) -> None:
        self.players = players
        self.now: tuple[str, ...] = ()
        self._wrapped: dict[str, Any] = {}
        owners: dict[int, str] = {}
        for name, player in players.items():
            for p in player.moved:
                if owners.setdefault(id(p), name) != name:
                    raise ValueError(f"players {owners[id(p)]!r} and {name!r} share a parameter")

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """One optimiser a player, in their order."""
        self._wrapped = {}
        return [player.build() for player in self.players.values()]

    def optimizer(self, module: SymmetryModule, player: str) -> Any:
        """Lightning's wrapped optimiser of one player."""
        if not self._wrapped:
            wrapped = module.optimizers()
            every = wrapped if isinstance(wrapped, list) else [wrapped]
            self._wrapped = dict(zip(self.players, every, strict=True))
        return self._wrapped[player]

    @contextmanager
    def take(self, *players: str) -> Iterator[None]:
        """Let only the parameters of these players require gradients."""
        for player in players:
            if player not in self.players:
                raise ValueError(f"no player {player!r}; there are {list(self.players)}")
        if self.now:
            raise RuntimeError(f"the turn of {players} began inside the turn of {self.now}")
        others = (p for name, o in self.players.items() if name not in players for p in o.moved)
        resting = [p for p in others if p.requires_grad]
        self.now = players
        for p in resting:
            p.requires_grad_(False)
        try:
            yield
        finally:
            for p in resting:
                p.requires_grad_(True)
            self.now = ()

    def minimise(self, module: SymmetryModule, loss: Tensor) -> None:
        """One optimiser step of each player whose turn it is, after one backward pass.

        Raises:
            FloatingPointError: before any step, if the loss or a gradient is not finite.
        """
        if not self.now:
            raise RuntimeError("minimise(loss) belongs inside 'with self.turn(player):'")
        for name in self.now:
            self.optimizer(module, name).zero_grad()
        module.manual_backward(loss)
        for name in self.now:
            moved = self.players[name].moved
            clip_norm = self.players[name].option("clip_norm", module.phase)
            if clip_norm is None:
                norm = total_norm(p.grad for p in moved if p.grad is not None)
            else:
                norm = nn.utils.clip_grad_norm_(moved, clip_norm)
            if not math.isfinite(float(loss.detach() + norm)):
                self._refuse(module, name, float(loss.detach()), float(norm))
        for name in self.now:
            self.optimizer(module, name).step()

    def _refuse(self, module: SymmetryModule, player: str, loss: float, norm: float) -> None:
        what = f"the loss of {player} became {loss}"
        if math.isfinite(loss):
            what = f"the gradients of {player} became {norm} (its loss is {loss:.4g})"
        rate = self.optimizer(module, player).param_groups[0]["lr"]
        raise FloatingPointError(
            f"{what} at batch {module.batches_seen}, with a learning rate of {rate:g}; its weights "
            f"are as before: lower model.players.{player}.lr, set its clip_norm, or train in "
            "64-true precision"
        )

    def set_rates(self, module: SymmetryModule, phases: Phases, clock: int) -> None:
        """Give every optimiser what its player has at this batch."""
        for name, player in self.players.items():
            optimizer = self.optimizer(module, name)
            settings = player.settings(phases, clock, optimizer.defaults)
            for group in optimizer.param_groups:
                group.update(settings)
