"""What SymmetryLens and its relative for grids share: the step, its statistics, noise and rank."""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import cached_property
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import reduction
from symmetry_pl.lens.densities.density_model import (
    DensityModel,
    DensityScores,
    conditioning_pixels,
)
from symmetry_pl.lens.generator_module import GeneratorModule
from symmetry_pl.lens.group_convolution import Lift
from symmetry_pl.lens.losses import covariance, standardise_whole
from symmetry_pl.lens.objective import Terms
from symmetry_pl.lens.requirements import check_phases, check_rows

__all__ = ["LensModule"]

EM_SAMPLES = 5000
"""Training samples that marginal densities are begun with."""


class LensModule(GeneratorModule):
    """A representation y = L x, the densities that its loss is read from, and their game.

    Phases: estimators alone (``estimate``, none by default), then all players (``train``). A
    subclass builds ``symmetry`` and ``densities``, calls ``room_for_statistics``, and says what the
    loss is (``scores_of``, ``terms_of``) and where training begins (``find_start``). Its options
    ``statistics``, ``rank``, ``filter_noise``, ``filter_noise_batches``, ``conditional`` and
    ``conditional_rows`` mean what they do in ``SymmetryLens``.
    """

    phase_names = ("estimate", "train")
    rest = "train"

    symmetry: Lift
    densities: DensityModel
    measured: Tensor
    covariance: Tensor
    loss_weights: dict[str, float]

    # -- what a subclass says --------------------------------------------------------------------

    def room_for_statistics(self, dim: int) -> None:
        """Buffers for what ``measure`` takes from the training set."""
        self.register_buffer("measured", torch.tensor(False))
        self.register_buffer("covariance", torch.eye(dim))

    def scores_of(self, y: Tensor, slots: Tensor) -> list[DensityScores]:
        """What the densities say of a representation ``(B, d)``, along each axis."""
        return [self.densities.scores(y, slots, reduction())]

    @abstractmethod
    def terms_of(
        self, y: Tensor, scores: list[DensityScores], spread: Tensor, rank: float = 1.0
    ) -> Terms:
        """The terms of the loss, of a representation, its scores and its covariance."""

    @abstractmethod
    def find_start(self) -> None:
        """Set generator and filter before the first batch, where no weights were given."""

    def fit_critics(self, y: Tensor) -> dict[str, Tensor]:
        """A turn of estimators that are no densities; what to log of it."""
        return {}

    # -- before the first batch ------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Refuse data, batches and sets that cannot be used, before anything is computed."""
        super().setup(stage)
        source = getattr(self.trainer, "datamodule", None)
        if source is not None:
            validated = bool(self.trainer.limit_val_batches)
            check_rows(source, stage, self.dim, self.hparams["conditional"], validated)
            if stage == "fit":
                check_phases(self, len(source.train_dataloader()))

    def on_fit_start(self) -> None:
        """Measure the training data; find where to start unless there are weights already."""
        if self.batches_seen:
            return
        started = bool(self.measured)
        signals = self.measure()
        if not started:
            self.find_start()
        self.restart_densities(signals)

    def measure(self) -> Tensor:
        """Take shift, scale and covariance from the training set, which is returned scaled."""
        signals = self.symmetry.measure(super().training_signals())
        self.covariance.copy_(covariance(signals))
        self.measured.fill_(True)
        return signals

    def training_signals(self, limit: int | None = None, ordered: bool = False) -> Tensor:
        """The training set in the units of the representation, or its first samples."""
        return self.symmetry.scaled(super().training_signals(limit, ordered))

    def restart_densities(self, signals: Tensor) -> None:
        """Begin marginal densities anew, of scaled samples ``(n, d)``."""
        y = signals[:EM_SAMPLES]
        if self.symmetry.filter.any():  # a zero filter has no representation yet
            y = y @ self.symmetry.lift().T
        self.densities.restart(y)

    # -- one step --------------------------------------------------------------------------------

    @property
    def rank(self) -> float:
        """τ of the joint entropy: the share of the learning rate's path that is behind (eq. 21)."""
        if self.hparams["rank"] == "full":
            return 1.0
        # with the batch in progress, so that the last one has rank 1
        return self._path[min(self.clock, len(self._path) - 1)]

    @cached_property
    def _path(self) -> list[float]:
        """Share of the path of the learning rate up to each batch, that batch included."""
        player, defaults = self.players["symmetry"], self.player_optimizer("symmetry").defaults
        batches = range(self.total_batches)
        rates = (player.settings(self.phases, batch, defaults)["lr"] for batch in batches)
        sums = list(accumulate(rates))
        return [one / sums[-1] for one in sums]

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One step of all players, with gradients at the same weights."""
        x, spread = self._statistics(batch[0])
        if self.phase == "estimate":
            self._estimate(x)
            return
        lift = self.symmetry.lift(self._filter_noise())
        y = x @ lift.T
        self.densities.follow(y, reduction())
        scores = self.scores_of(y, self._pixels(y))
        known = covariance(y, reduction()) if spread is None else lift @ spread @ lift.T
        with self.turn("symmetry"):
            terms = self.terms_of(y, scores, known, self.rank)
            total = terms.loss(**self.loss_weights)
            self.minimise(total)
        if self.densities.trained:
            with self.turn("densities"):
                self.minimise(self.densities.loss(scores[0]))
        critics = self.fit_critics(y.detach())
        if self.log_now:
            named = terms.named() | {"conditional_nll": scores[0].conditional_nll, "loss": total}
            self.log_training({**named, **critics, "rank": self.rank}, len(x))

    def _estimate(self, x: Tensor) -> None:
        """One step of the estimators alone."""
        with torch.no_grad():
            y = x @ self.symmetry.lift().T
        self.densities.follow(y, reduction())
        logged: dict[str, Tensor | float] = {}
        if self.densities.trained:
            with self.turn("densities"):
                loss = self.densities.loss_at_rest(y, self._pixels(y), reduction())
                self.minimise(loss)
            logged["nll"] = loss
        logged |= self.fit_critics(y)
        if logged and self.log_now:
            self.log_training(logged, len(x))

    def _pixels(self, y: Tensor) -> Tensor:
        most, trainer = self.hparams["conditional_rows"], self.trainer
        return conditioning_pixels(len(y), self.dim, most, trainer.global_rank, trainer.world_size)

    def _statistics(self, raw: Tensor) -> tuple[Tensor, Tensor | None]:
        """Scaled samples, and their covariance if it is that of the whole training set."""
        if self.hparams["statistics"] == "dataset":
            return self.symmetry.scaled(raw), self.covariance
        return standardise_whole(raw, reduction()), None

    def _filter_noise(self) -> Tensor | None:
        level = self.hparams["filter_noise"]
        if not level:
            return None
        fading = math.exp(-self.clock / self.hparams["filter_noise_batches"])
        filter_ = self.symmetry.filter
        noise = self.shared_noise(len(filter_), dtype=filter_.dtype)
        return noise.mul_(level * fading)
