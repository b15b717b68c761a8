"""``SymmetryModule``: players, phases, a batch counter and reproducible noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor, nn

from symmetry_pl.core.description import DataDescription
from symmetry_pl.core.players import Phase, Player

_STATE = "symmetry_pl"


class SymmetryModule(LightningModule):
    r"""Base of every method: training is a sequence of turns, each taken by one player.

    A subclass names its players in ``configure_players`` and writes ``training_step`` as the
    paper's algorithm box::

        with self.turn("model"):
            self.minimise(self.model_loss(x, y))
        with self.turn("adversary"):
            self.minimise(-self.information(x, y))

    Inside a turn only that player's parameters require gradients; ``minimise`` zeroes, runs the
    backward pass, clips and steps. Players who share a loss take a turn together. Learning rates
    are set at the start of each batch.

    Everything that changes over training is a pure function of ``batches_seen``, which counts
    batches (not optimiser steps) and is saved in checkpoints: phases, learning rates, weights, and
    noise, that of dropout too. A run resumed at the end of an epoch is therefore bit-identical to
    an uninterrupted one.
    ``start_over`` gives up on a bad start: ``clock`` then begins again at 0.

    Class attributes name what is monitored (``monitor``, ``mode``) and what the progress bar and
    the summary show first (``headline``). Hyper-parameters are numbers, strings, lists and dicts
    only, so that checkpoints load with ``weights_only=True``.
    """

    monitor: ClassVar[str] = "val/loss"
    mode: ClassVar[str] = "min"
    headline: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self.save_hyperparameters()  # of the concrete class: it is called from its __init__
        self.automatic_optimization = False
        self.batches_seen = 0
        self.restarts = 0
        self.started_at = 0
        self.epochs_given = 0
        self.noise_seed: int | None = None
        self.data: DataDescription | None = None
        self._players: dict[str, Player] = {}
        self._wrapped: dict[str, Any] = {}
        self._turn: tuple[str, ...] = ()
        self._generator: torch.Generator | None = None

    # -- what a subclass says --------------------------------------------------------------------

    def configure_players(self) -> dict[str, Player]:
        """The players by name, all of them from the start, whatever the phase."""
        raise NotImplementedError(f"{type(self).__name__} names no players")

    def configure_phases(self) -> list[Phase]:
        """The phases in order; one phase called ``train`` unless a method has more."""
        return [Phase("train", 1.0)]

    def check_data(self, data: DataDescription) -> None:
        """Raise a ``ValueError`` if this model cannot work on such data."""

    def learned(self) -> dict[str, Tensor]:
        """What the model itself says of the data, by name; written beside predictions."""
        return {}

    # -- time ------------------------------------------------------------------------------------

    @property
    def clock(self) -> int:
        """Batches since the last start."""
        return self.batches_seen - self.started_at

    @property
    def total_batches(self) -> int:
        """Batches of one whole training, from the trainer's ``max_epochs``."""
        epochs, batches = self.trainer.max_epochs, self.trainer.num_training_batches
        if epochs is None or epochs < 1 or math.isinf(batches):
            raise ValueError(
                "schedules need a finite training: set trainer.max_epochs (and a datamodule or "
                "trainer.limit_train_batches with a finite number of batches)"
            )
        return int(epochs * batches) - self.started_at

    @property
    def progress(self) -> float:
        """Fraction of training behind us, in [0, 1]."""
        return min(1.0, self.clock / self.total_batches)

    @property
    def phase(self) -> str:
        """Name of the current phase, a pure function of the clock."""
        progress = self.progress
        return next((p.name for p in self.phases if progress < p.until), self.phases[-1].name)

    @cached_property
    def phases(self) -> list[Phase]:
        """What ``configure_phases`` gave."""
        return self.configure_phases()

    def start_over(self) -> None:
        """Draw all parameters anew, clear the optimisers, and begin again at clock 0.

        The trainer is given the lost epochs back. The new parameters depend on the run's seed and
        the number of restarts alone, so that a resumed run takes the same decisions.
        """
        self.restarts += 1
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(mix_seed(self.noise_seed or 0, -self.restarts))
            options = {k: v for k, v in self.hparams.items() if not k.startswith("_")}
            fresh = dict(type(self)(**options).named_parameters())
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.copy_(fresh[name])
        for player in self._players:
            self.player_optimizer(player).optimizer.state.clear()
        lost = math.ceil(self.clock / self.trainer.num_training_batches)
        self._give_epochs(lost)
        self.started_at = self.batches_seen

    def _give_epochs(self, epochs: int) -> None:
        loop = self.trainer.fit_loop
        assert loop.max_epochs is not None
        loop.max_epochs += epochs
        self.epochs_given += epochs

    # -- turns -----------------------------------------------------------------------------------

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """One optimiser a player, in the order of ``configure_players``."""
        self._players = self.configure_players()
        self._wrapped = {}
        owners: dict[int, str] = {}
        for name, player in self._players.items():
            for p in player.moved:
                if owners.setdefault(id(p), name) != name:
                    raise ValueError(f"players {owners[id(p)]!r} and {name!r} share a parameter")
        return [player.build() for player in self._players.values()]

    def player_optimizer(self, player: str) -> Any:
        """Lightning's wrapped optimiser of one player."""
        if not self._wrapped:
            wrapped = self.optimizers()
            every = wrapped if isinstance(wrapped, list) else [wrapped]
            self._wrapped = dict(zip(self._players, every, strict=True))
        return self._wrapped[player]

    @contextmanager
    def turn(self, *players: str) -> Iterator[None]:
        """Let only the parameters of these players require gradients."""
        for player in players:
            if player not in self._players:
                raise ValueError(f"no player {player!r}; there are {list(self._players)}")
        if self._turn:
            raise RuntimeError(f"the turn of {players} began inside the turn of {self._turn}")
        others = (p for name, o in self._players.items() if name not in players for p in o.moved)
        resting = [p for p in others if p.requires_grad]
        self._turn = players
        for p in resting:
            p.requires_grad_(False)
        try:
            yield
        finally:
            for p in resting:
                p.requires_grad_(True)
            self._turn = ()

    def minimise(self, loss: Tensor) -> None:
        """One optimiser step of each player whose turn it is, after one backward pass."""
        if not self._turn:
            raise RuntimeError("minimise(loss) belongs inside 'with self.turn(player):'")
        for name in self._turn:
            self.player_optimizer(name).zero_grad()
        self.manual_backward(loss)
        for name in self._turn:
            player = self._players[name]
            if player.clip_norm is not None:
                nn.utils.clip_grad_norm_(player.moved, player.clip_norm)
            self.player_optimizer(name).step()

    # -- noise -----------------------------------------------------------------------------------

    def noise(self, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """Standard normal noise of ``shape``, whose first axis is the local batch.

        It is a pure function of the run's seed, the batch counter and the order of calls: W
        processes draw the noise of the global batch alike and each keeps its rows, those of
        its samples. Two processes with half the batch see exactly what one process sees.
        """
        rows, world = shape[0], self.trainer.world_size
        whole = self.shared_noise(rows * world, *shape[1:], dtype=dtype)
        return whole if world == 1 else whole[self.trainer.global_rank :: world]

    def shared_noise(self, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """Standard normal noise that all processes draw alike, as ``noise`` but for its rows."""
        if self._generator is None:
            self._generator = self._fresh_generator()
        return torch.randn(
            *shape,
            generator=self._generator,
            device=self.device,
            dtype=dtype if dtype is not None else torch.get_default_dtype(),
        )

    @cached_property
    def _has_dropout(self) -> bool:
        return any(isinstance(module, nn.Dropout) and module.p > 0 for module in self.modules())

    def _fresh_generator(self) -> torch.Generator:
        generator = torch.Generator(self.device)
        generator.manual_seed(mix_seed(self.noise_seed or 0, self.batches_seen))
        return generator

    # -- Lightning's hooks -----------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Check precision, seed and data before anything is computed."""
        if str(self.trainer.precision).startswith("16"):
            raise ValueError(
                "trainer.precision 16-mixed rescales gradients once an optimiser step, which "
                "couples the players: use bf16-mixed, 32-true or 64-true"
            )
        if self.noise_seed is None:
            self.noise_seed = torch.initial_seed() % 2**63
        description = getattr(getattr(self.trainer, "datamodule", None), "description", None)
        if description is not None:
            self.describe_data(description)

    def describe_data(self, data: DataDescription) -> None:
        """Adopt names, units and scales; refuse data that differ from a checkpoint's."""
        if self.data is not None and not self.data.same_as(data):
            raise ValueError(
                "the checkpoint was trained on other data than the datamodule gives "
                f"({self.data.difference(data)}): use the data options it was trained with, "
                "data.split_seed among them"
            )
        self.check_data(data)
        self.data = data

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Reseed the noise and set every player's learning rate."""
        if self._generator is None or self._generator.device != self.device:
            self._generator = self._fresh_generator()
        self._generator.manual_seed(mix_seed(self.noise_seed or 0, self.batches_seen))
        if self._has_dropout:  # draws from torch's own generator, whose state no checkpoint keeps
            place = self.batches_seen * self.trainer.world_size + self.trainer.global_rank
            torch.manual_seed(mix_seed((self.noise_seed or 0) + 1, place))
        progress = self.progress
        for name, player in self._players.items():
            for group in self.player_optimizer(name).param_groups:
                group["lr"] = player.lr * player.schedule(progress)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Count the batch."""
        self.batches_seen += 1

    @property
    def log_now(self) -> bool:
        """Whether this batch is one of those that reach the logger: logging is not free."""
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        return bool(every) and (self.batches_seen + 1) % every == 0

    def log_training(self, values: dict[str, Tensor | float], batch_size: int) -> None:
        """Log under ``train/``; stop with one sentence when a value is no longer finite."""
        logged: dict[str, Any] = {}
        for name, value in values.items():
            number = float(value.detach() if isinstance(value, Tensor) else value)
            if not math.isfinite(number):
                raise FloatingPointError(
                    f"train/{name} became {number} at batch {self.batches_seen}: lower the "
                    "learning rate, set a clip norm, or train in 64-true precision"
                )
            logged[f"train/{name}"] = number
        for name in self._players:
            logged[f"lr/{name}"] = self.player_optimizer(name).param_groups[0]["lr"]
        self.log_dict(logged, batch_size=batch_size)

    # -- checkpoints -----------------------------------------------------------------------------

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the counter, the seed, the players' names and the description of the data."""
        checkpoint[_STATE] = {
            "class": f"{type(self).__module__}.{type(self).__qualname__}",
            "batches_seen": self.batches_seen,
            "restarts": self.restarts,
            "started_at": self.started_at,
            "epochs_given": self.epochs_given,
            "noise_seed": self.noise_seed,
            "players": list(self.configure_players()),
            "data": None if self.data is None else self.data.to_dict(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse other players; restore the counter, the seed and the description."""
        state = checkpoint.get(_STATE)
        if state is None:
            raise ValueError("this checkpoint was not written by symmetry_pl")
        if state["players"] != list(self.configure_players()):
            raise ValueError(
                f"the checkpoint has players {state['players']}, {type(self).__name__} has "
                f"{list(self.configure_players())}: continue with the class and options it was "
                "saved with, or pass --init_weights to take its weights only"
            )
        self.batches_seen = int(state["batches_seen"])
        self.restarts, self.started_at = int(state["restarts"]), int(state["started_at"])
        self.noise_seed = state["noise_seed"]
        if self._trainer is not None and self._trainer.state.fn == TrainerFn.FITTING:
            self._give_epochs(int(state["epochs_given"]) - self.epochs_given)
        if state["data"] is not None:
            saved = DataDescription.from_dict(state["data"])
            if self.data is None:
                self.data = saved
            else:
                given, self.data = self.data, saved
                self.describe_data(given)


def mix_seed(seed: int, counter: int) -> int:
    """A well-mixed 63-bit seed from two integers (the finaliser of splitmix64).

    >>> mix_seed(0, 1) != mix_seed(1, 0)
    True
    """
    mask = 2**64 - 1
    z = (seed * 0x9E3779B97F4A7C15 + (counter + 1) * 0xD1B54A32D192ED03) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return (z ^ (z >> 31)) >> 1
