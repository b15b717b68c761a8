"""``SymmetryModule``: a game of named players, with a clock, turns, noise and checkpoints."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, ClassVar

import torch
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor, nn

from symmetry_pl.core.description import DataDescription
from symmetry_pl.core.evaluated import EvaluatedModule
from symmetry_pl.core.finite import first_not_finite
from symmetry_pl.core.noise import Noise, mix_seed
from symmetry_pl.core.players import Player, PlayerOptions, check_options
from symmetry_pl.core.registry import check_finite
from symmetry_pl.core.transfer import transfer
from symmetry_pl.core.turns import Turns
from symmetry_pl.rng import global_generators_kept

FORMAT = 2
"""Of what this module writes into checkpoints."""

STATE = "symmetry_pl"
"""Key of what this module writes into checkpoints."""


class SymmetryModule(EvaluatedModule):
    r"""Base of every method: training is a sequence of turns, each taken by one player.

    A subclass builds its networks in ``configure_networks``, names its players in
    ``configure_players``, its figures in ``configure_evaluator``, and writes ``training_step`` as
    the paper's algorithm box::

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
    an uninterrupted one. ``start_over`` gives up on a bad start: ``clock`` then begins again at 0.

    Networks have the sizes of the data, so there are none before the data are known: a trainer with
    a datamodule, a checkpoint, or ``describe_data`` says what they are.

    Class attributes name what the progress bar and the summary show first (``headline``), who
    draws (``painter``, a dotted path), which options say what a test asks and nothing of the
    weights (``test_options``: on the command line of a test they win over the checkpoint), and the
    phases (``phase_names``, ``rest`` among them).
    Hyper-parameters are numbers, strings, lists and dicts only, so that checkpoints load with
    ``weights_only=True``.

    Args:
        phases: length of each phase but ``rest``, which takes what they leave; a phase that is not
            named has length 0. The method's own (``default_phases``) if null.
        players: options by player, over the method's own; see ``PlayerOptions``.
        thorough_every: epochs between two thorough validations, which cost seconds; the last
            validation of a fit, ``validate`` and ``test`` are always thorough.

    Raises:
        ValueError: for a phase, a length or an option that there is not.
    """

    painter: ClassVar[str] = ""
    needs_targets: ClassVar[bool] = False
    test_options: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        phases: dict[str, str] | None = None,
        players: dict[str, PlayerOptions] | None = None,
        thorough_every: int = 0,
    ) -> None:
        super().__init__(phases=phases, thorough_every=thorough_every)
        self.save_hyperparameters()  # of the concrete class: it is called from its __init__
        check_finite(dict(self.hparams), "model")
        self.automatic_optimization = False
        self.player_options = players or {}
        for name, options in self.player_options.items():
            check_options(name, options)
        self.restarts = 0
        self.noise_seed: int | None = None
        self.data: DataDescription | None = None
        self._described_by = "the checkpoint"
        self._turns: Turns | None = None
        self._noise = Noise()
        self._start: tuple[Mapping[str, Tensor], DataDescription, str] | None = None

    # -- what a subclass says --------------------------------------------------------------------

    def configure_networks(self, data: DataDescription) -> None:
        """Build what has parameters, at the data's sizes; called once, when these are known."""

    @abstractmethod
    def configure_players(self) -> dict[str, Player]:
        """Every player of every phase by name, with its defaults."""

    def check_data(self, data: DataDescription) -> None:
        """Raise a ``ValueError`` if this model cannot work on such data."""

    def learned(self) -> dict[str, Tensor]:
        """What the model itself says of the data, by name; written beside predictions."""
        return {}

    def column_names(self) -> dict[str, Sequence[str]]:
        """Names of the columns of what ``predict_step`` gives; others have numbers."""
        return {}

    def verdict(self, figures: dict[str, float]) -> str | None:
        """A sentence on what a test has found, printed below its table; none by default.

        Args:
            figures: ``test/<name>`` to value.
        """
        return None

    # -- the data, and networks of their sizes ---------------------------------------------------

    def describe_data(self, data: DataDescription, source: str = "the checkpoint") -> None:
        """Adopt names, units and scales; refuse data that differ from a checkpoint's; build.

        Args:
            data: what the model must know of its data.
            source: what says so, for the message that refuses other data later.

        Raises:
            ValueError: if they are others than before, or others than this model can work on.
        """
        if self.data is not None and not self.data.same_as(data):
            raise ValueError(
                f"{self._described_by} was trained on other data than the datamodule gives "
                f"({self.data.difference(data)}): use the data options it was trained with, "
                "data.split_seed among them"
            )
        otherwise = "" if self.data is None else self.data.other_inputs(data)
        if otherwise:
            rank_zero_warn(
                f"{self._described_by} was trained on other inputs than the datamodule gives "
                f"({otherwise}): a number means another input to it; use the data it was trained "
                "with"
            )
        self.check_data(data)
        unbuilt, self.data = self.data is None, data
        if unbuilt:
            self._described_by = source
            self.configure_networks(data)
            self._turns = Turns(self._chosen_players())

    def _chosen_players(self) -> dict[str, Player]:
        """The players with the options of the config."""
        players = self.configure_players()
        for name, options in self.player_options.items():
            if name not in players:
                raise ValueError(
                    f"model.players has no player {name!r}; {type(self).__name__} has "
                    f"{list(players)} with these options"
                )
            for phase in options.get("in_phase", {}):
                if phase not in self.phase_names:
                    raise ValueError(
                        f"model.players.{name}.in_phase has no phase {phase!r}; there are "
                        f"{list(self.phase_names)}"
                    )
        return {name: p.within(self.player_options.get(name, {})) for name, p in players.items()}

    @property
    def turns(self) -> Turns:
        """Players and their optimisers."""
        if self._turns is None:
            raise ValueError(
                f"{type(self).__name__} does not know its data yet: attach a datamodule, load a "
                "checkpoint, or call describe_data"
            )
        return self._turns

    @property
    def players(self) -> dict[str, Player]:
        """The players by name."""
        return self.turns.players

    def built_on(self, data: DataDescription) -> SymmetryModule:
        """A new model with the same options, on data that may be others."""
        options = {k: v for k, v in self.hparams.items() if not k.startswith("_")}
        again = type(self)(**options)
        again.describe_data(data)
        return again

    def start_from(
        self, weights: Mapping[str, Tensor], source: DataDescription, where: str
    ) -> None:
        """Begin the fit with the weights of a model of other data: see ``transfer``.

        They are taken when this model knows its own data, before the first batch.

        Args:
            weights: ``state_dict`` of the other model.
            source: what it knew of its data.
            where: what holds the weights, for messages.
        """
        self.check_weights(dict(weights), where)
        self._start = weights, source, where

    def _take_start(self) -> None:
        """Take the weights to start from, once, unless training has begun."""
        if self._start is None or self.batches_seen or self.data is None:
            return
        (weights, source, where), self._start = self._start, None
        taken = transfer(self, self.built_on, self.data, weights, source, where)
        rank_zero_info(f"started from {where}: {taken}")

    def start_over(self) -> None:
        """Draw all parameters anew, clear the optimisers, and begin again at clock 0.

        The trainer is given the lost epochs back. The new parameters depend on the run's seed and
        the number of restarts alone, so that a resumed run takes the same decisions.
        """
        assert self.data is not None
        self.restarts += 1
        with global_generators_kept():
            torch.manual_seed(mix_seed((self.noise_seed or 0) + 2, self.restarts))
            fresh = dict(self.built_on(self.data).named_parameters())
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.copy_(fresh[name])
        for player in self.players:
            self.player_optimizer(player).optimizer.state.clear()
        lost = math.ceil(self.clock / self.trainer.num_training_batches)
        self.give_epochs(lost)
        self.started_at = self.batches_seen

    # -- turns -----------------------------------------------------------------------------------

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """One optimiser a player, in the order of ``configure_players``."""
        return self.turns.optimizers()

    def player_optimizer(self, player: str) -> Any:
        """Lightning's wrapped optimiser of one player."""
        return self.turns.optimizer(self, player)

    def turn(self, *players: str) -> AbstractContextManager[None]:
        """Let only the parameters of these players require gradients."""
        return self.turns.take(*players)

    def minimise(self, loss: Tensor) -> None:
        """One optimiser step of each player whose turn it is, after one backward pass."""
        self.turns.minimise(self, loss)

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
        if not self._noise.begun:
            self._noise.begin(self.noise_seed or 0, self.batches_seen, self.device)
        return self._noise.draw(shape, dtype)

    @cached_property
    def _has_dropout(self) -> bool:
        return any(isinstance(module, nn.Dropout) and module.p > 0 for module in self.modules())

    # -- Lightning's hooks ----------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Check precision, seed and data before anything is computed."""
        if str(self.trainer.precision).startswith("16"):
            raise ValueError(
                "trainer.precision 16-mixed rescales gradients once an optimiser step, which "
                "couples the players: use bf16-mixed, 32-true or 64-true"
            )
        if self.noise_seed is None:
            self.noise_seed = torch.initial_seed() % 2**63
        source = getattr(self.trainer, "datamodule", None)
        if stage == "predict" and self.needs_targets and not getattr(source, "gives_targets", True):
            raise ValueError(
                f"{type(self).__name__} is told the targets when it decodes, and "
                f"{type(source).__name__} gives none: predict with a model that predicts them"
            )
        description = getattr(source, "description", None)
        if description is not None:
            self.describe_data(description)
        elif self._turns is None and not hasattr(source, "description"):
            # plain loaders: networks are there already, or wait for a description of the data
            waits = type(self).configure_networks is not SymmetryModule.configure_networks
            self._turns = self.turns if waits else Turns(self._chosen_players())
        if stage == "fit":
            self._take_start()
            self._let_players_rest()

    def _let_players_rest(self) -> None:
        """Tell DDP where some parameters have no gradient in a step: in games and in phases."""
        strategy = self.trainer.strategy
        if type(strategy) is not DDPStrategy:
            return
        moved = {id(p) for player in self.players.values() for p in player.moved}
        still = any(id(p) not in moved for p in self.parameters() if p.requires_grad)
        if still or len(self.players) > 1 or self.lengths:
            strategy._ddp_kwargs["find_unused_parameters"] = True

    def on_validation_epoch_start(self) -> None:
        """Look at the weights before anything is measured with them."""
        self.refuse_spoilt()
        super().on_validation_epoch_start()

    def refuse_spoilt(self) -> None:
        """Stop where the last step has left weights that mean nothing.

        Raises:
            FloatingPointError: naming parameter, player, batch and learning rate.
        """
        spoilt = first_not_finite(self.named_parameters())
        if spoilt is None:
            return
        parameter = self.get_parameter(spoilt)
        who = next((n for n, p in self.players.items() if any(q is parameter for q in p.moved)), "")
        raise FloatingPointError(
            f"the parameter {spoilt} is not finite, or beyond 1e15, after {self.batches_seen} "
            f"batches: no checkpoint is written; lower model.players.{who}.lr, set its clip_norm, "
            "or train in 64-true precision"
        )

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Reseed the noise and set every player's learning rate."""
        seed = self.noise_seed or 0
        self._noise.begin(seed, self.batches_seen, self.device)
        if self._has_dropout:  # draws from torch's own generator, whose state no checkpoint keeps
            place = self.batches_seen * self.trainer.world_size + self.trainer.global_rank
            torch.manual_seed(mix_seed(seed + 1, place))
        self.turns.set_rates(self, self.phases, self.clock)

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
        for name in self.players:
            logged[f"lr/{name}"] = self.player_optimizer(name).param_groups[0]["lr"]
        self.log_dict(logged, batch_size=batch_size)

    # -- checkpoints -----------------------------------------------------------------------------

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the counter, the seed, the players' names and the description of the data.

        Raises:
            FloatingPointError: if a parameter is not finite: such weights are worth no checkpoint.
        """
        self.refuse_spoilt()
        checkpoint[STATE] = {
            "format": FORMAT,
            "class": f"{type(self).__module__}.{type(self).__qualname__}",
            "batches_seen": self.batches_seen,
            "restarts": self.restarts,
            "started_at": self.started_at,
            "epochs_given": self.epochs_given,
            "noise_seed": self.noise_seed,
            "players": list(self.players),
            "data": None if self.data is None else self.data.to_dict(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the description, build what has its sizes, refuse other players."""
        state = own_state(checkpoint, "this checkpoint")
        saved = state["data"] and DataDescription.from_dict(state["data"])
        if saved and self.data is None:
            self.describe_data(saved)
        elif saved and self.data is not None:
            given, self.data = self.data, saved
            self.describe_data(given)
        elif self._turns is None:
            self._turns = Turns(self._chosen_players())
        if state["players"] != list(self.players):
            raise ValueError(
                f"the checkpoint has players {state['players']}, {type(self).__name__} has "
                f"{list(self.players)}: continue with the class and options it was saved with, or "
                "pass --init_weights to take its weights only"
            )
        self.check_weights(checkpoint["state_dict"], "this checkpoint")
        self.batches_seen = int(state["batches_seen"])
        self.restarts, self.started_at = int(state["restarts"]), int(state["started_at"])
        self.noise_seed = state["noise_seed"]
        if self._trainer is not None and self._trainer.state.fn == TrainerFn.FITTING:
            self.give_epochs(int(state["epochs_given"]) - self.epochs_given)

    def check_weights(self, weights: dict[str, Tensor], where: str) -> None:
        """Refuse weights for this module that are not finite.

        Args:
            weights: by name, as in ``state_dict``.
            where: what holds them, for messages.

        Raises:
            ValueError: if there is a NaN or an infinity in one.
        """
        names = [name for name, _ in self.named_parameters() if name in weights]
        spoilt = first_not_finite((name, weights[name]) for name in names)
        if spoilt is not None:
            raise ValueError(f"{where} holds weights that are not finite ({spoilt}): use another")


def own_state(checkpoint: Any, where: str) -> dict[str, Any]:
    """What this module wrote into a checkpoint.

    Args:
        checkpoint: the content of a file.
        where: what holds it, for messages.

    Raises:
        ValueError: if it is of another project, or of another format.
    """
    state = checkpoint.get(STATE) if isinstance(checkpoint, dict) else None
    if not isinstance(state, dict):
        raise ValueError(f"{where} was not written by symmetry_pl")
    if state.get("format", 1) != FORMAT:
        raise ValueError(
            f"{where} has format {state.get('format', 1)}, and this version of symmetry_pl reads "
            f"format {FORMAT}: train again, or use the version that wrote it"
        )
    return state
