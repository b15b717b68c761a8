"""SymmetryLens: the generator of a hidden one-parameter group, from raw vectors."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor

from symmetry_pl.core import Phase, Player, reduction
from symmetry_pl.core.schedules import geometric_decay
from symmetry_pl.lens.densities.em import fit_mixtures
from symmetry_pl.lens.densities.player import Densities
from symmetry_pl.lens.generator_module import GeneratorModule, logged_terms
from symmetry_pl.lens.losses import alignment, joint_entropy, standardise_whole
from symmetry_pl.lens.straighten import straighten
from symmetry_pl.lens.warm_start import blind_source

_EM_SAMPLES = 5000


class SymmetryLens(GeneratorModule):
    r"""A generator G = exp(S) and a filter φ that turn a hidden symmetry into a shift.

    .. math:: y_k = \varphi^\top G^{p_k} x, \qquad
        \min_{S, \varphi}\; a\,A + u\,U + r\,H_m - (r + i)\,H_j

    over the representation y: alignment A of neighbours, uniformity U under the shift, mean
    marginal entropy H_m and low-rank joint entropy H_j per rank (SymmetryLens, eqs. 11-17). A
    second player fits the densities that U and H_m are read from.

    Two shortcuts of ours, both switched off in the paper's configs. A *warm start* finds φ and G
    from the data without a gradient (``init``), the densities are fitted with both at rest, and
    the paper's loss refines. And *marginal densities follow by EM* (``marginals``): densities that
    lag behind the moving representation trap the published recipe when it is compressed. With
    ``straighten``, which mends chains that formed in pieces, training from scratch is short too.

    Args:
        dim: d, the length of a sample.
        topology: whether the hidden positions are a ``chain`` or a ``ring``.
        padding: zeros on either side of the filter, so that the chain has room to leave by; d if
            null, as in the paper. A ring has none.
        init: ``blind_source``, the warm start, or ``random``, the paper's.
        init_options: options of ``blind_source``, such as ``effort``.
        init_scale: standard deviation of the random start of A; a filter starts at 0 there.
        alignment: a.
        uniformity: u.
        resolution: r.
        information: i.
        pairing: ``paired`` compares the two densities of the conditional divergence on the same
            samples; ``unpaired`` on different ones, as the published code does.
        statistics: ``dataset`` takes scale and covariance from the whole training set, which makes
            A and H_j exact; ``batch`` takes them from each batch, as published.
        marginals: ``em`` (stepwise EM) or ``gradient`` (as published).
        em_rate: share of a batch in the running statistics of EM.
        components: Gaussians in a mixture.
        hidden: width of the conditional networks; 16 d if null, as published.
        conditional: whether U has its conditional part.
        conditional_rows: samples a conditioning pixel in a batch; all if null.
        filter_noise: standard deviation of noise on φ at the start, as published 0.1.
        filter_noise_batches: batches after which it has fallen by e.
        rank: ``full``, or ``growing`` with the path length of the learning rate (eq. 21).
        straighten: progress at which the rows of the lifting matrix may be put in order.
        estimate: share of training in which only densities are fitted.
        lr: learning rate of A and φ.
        estimator_lr: learning rate of the densities.
        lr_decay: factor of both at the end of training.
        compare_with_truth: test the loss against that of the true basis; costs seconds.

    Raises:
        ValueError: for an option that makes no model.
    """

    def __init__(
        self,
        dim: int,
        topology: Literal["chain", "ring"] = "chain",
        padding: int | None = None,
        init: Literal["blind_source", "random"] = "blind_source",
        init_options: dict[str, Any] | None = None,
        init_scale: float = 1e-3,
        alignment: float = 1.0,
        uniformity: float = 2.0,
        resolution: float = 1.0,
        information: float = 1.0,
        pairing: Literal["paired", "unpaired"] = "paired",
        statistics: Literal["dataset", "batch"] = "dataset",
        marginals: Literal["em", "gradient"] = "em",
        em_rate: float = 0.03,
        components: int = 4,
        hidden: int | None = None,
        conditional: bool = True,
        conditional_rows: int | None = None,
        filter_noise: float = 0.0,
        filter_noise_batches: float = 1000.0,
        rank: Literal["full", "growing"] = "full",
        straighten: list[float] | None = None,
        estimate: float = 0.0,
        lr: float = 1e-4,
        estimator_lr: float = 2.5e-3,
        lr_decay: float = 0.1,
        compare_with_truth: bool = False,
    ) -> None:
        super().__init__(dim, topology, padding, init_scale, compare_with_truth)
        if not 0 <= estimate <= 1 or not all(0 < p < 1 for p in straighten or []):
            raise ValueError("model.estimate and model.straighten are shares of training in [0, 1]")
        self.loss_weights = {
            "alignment": alignment,
            "uniformity": uniformity,
            "resolution": resolution,
            "information": information,
        }
        width = (hidden or 16 * dim) if conditional else None
        self.densities = Densities(dim, components, width, marginals, em_rate, self.ring, pairing)
        self._decay, self._lr, self._estimator_lr = geometric_decay(lr_decay), lr, estimator_lr

    def configure_players(self) -> dict[str, Player]:
        """The symmetry, and the densities that are fitted by gradient."""
        options = {"eps": 1e-7}  # that of the published code's library
        players = {"symmetry": Player([self.symmetry], self._lr, self._decay, options=options)}
        if self.densities.trained:
            players["densities"] = Player(
                self.densities.trained, self._estimator_lr, self._decay, options=options
            )
        return players

    def configure_phases(self) -> list[Phase]:
        """Densities alone first, where asked for."""
        return [Phase("estimate", self.hparams["estimate"]), Phase("train", 1.0)]

    def on_fit_start(self) -> None:
        """Measure the training data; find the warm start unless there are weights already."""
        if self.batches_seen:
            return
        started = bool(self.measured)
        signals = self.measure()
        if self.hparams["init"] == "blind_source" and not started:
            self._warm_start(signals)
        self._restart_densities(signals)

    def _warm_start(self, signals: Tensor) -> None:
        options = {"seed": (self.noise_seed or 0) % 2**31} | (self.hparams["init_options"] or {})
        found = blind_source(signals.cpu(), topology=self.topology, **options)
        # numbers may differ between machines: one process decides
        basis, confidence = self.trainer.strategy.broadcast((found.basis, found.confidence))
        self.symmetry.adopt(basis)
        self.confidence.fill_(confidence)
        rank_zero_info(
            f"warm start: {found.method} waveforms, stationarity {found.stationarity:.2f} "
            f"(1 is sampling noise), confidence {found.confidence:.2f}"
        )
        if not found.confident:
            rank_zero_warn(
                "the warm start is NOT SURE of the symmetry it found: try more samples, "
                "model.init_options.effort, or model.init random"
            )

    def _restart_densities(self, signals: Tensor) -> None:
        y = signals[:_EM_SAMPLES]
        if self.symmetry.filter.any():  # a zero filter has no representation yet
            y = y @ self.symmetry.lift().T
        self.densities.restart(y)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Set rates and noise; straighten where it is due."""
        super().on_train_batch_start(batch, batch_idx)
        due = (round(p * self.total_batches) for p in self.hparams["straighten"] or [])
        if self.clock in due:
            self._straighten()

    def _straighten(self) -> None:
        """Put the rows of the lifting matrix in order, if that lowers the loss."""
        signals = self.training_signals(_EM_SAMPLES)
        before = self._local_loss(signals)
        kept = [p.detach().clone() for p in self.symmetry.parameters()]
        with torch.no_grad():
            lift = self.symmetry.lift()
            self.symmetry.adopt(*straighten(lift, self.covariance, self.topology))
            after = self._local_loss(signals)
            if not after < before:
                for parameter, value in zip(self.symmetry.parameters(), kept, strict=True):
                    parameter.copy_(value)
                return
        rank_zero_info(f"straightened: loss {float(before):.3f} becomes {float(after):.3f}")
        self.player_optimizer("symmetry").optimizer.state.clear()
        self._restart_densities(signals)

    @torch.no_grad()
    def _local_loss(self, signals: Tensor) -> Tensor:
        """The loss without U, at full rank, its marginals fitted anew."""
        w, lift = self.loss_weights, self.symmetry.lift()
        spread = lift @ self.covariance @ lift.T
        y = signals @ lift.T
        entropy = -fit_mixtures(y, self.densities.components, 30).log_density(y).mean()
        joint = joint_entropy(spread, 1.0)
        near = w["alignment"] * alignment(spread, self.ring)
        return near + w["resolution"] * (entropy - joint) - w["information"] * joint

    @property
    def rank(self) -> float:
        """τ of the joint entropy: the share of the learning rate's path that is behind (eq. 21)."""
        if self.hparams["rank"] == "full":
            return 1.0
        decay: float = self.hparams["lr_decay"]
        # of the batch in progress, so that the last one has rank 1
        progress = min(1.0, (self.clock + 1) / self.total_batches)
        return progress if decay == 1 else (1 - decay**progress) / (1 - decay)

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One step of both players, with gradients at the same weights."""
        x, spread = self._statistics(batch[0])
        if self.phase == "estimate":
            self._estimate(x)
            return
        lift = self.symmetry.lift(self._filter_noise())
        y = x @ lift.T
        self.densities.follow(y, reduction())
        known = None if spread is None else lift @ spread @ lift.T
        terms = self.densities.terms(y, self._pixels(y), self.rank, known, reduction())
        total = terms.model_loss(**self.loss_weights)
        with self.turn("symmetry"):
            self.minimise(total)
        if self.densities.trained:
            with self.turn("densities"):
                self.minimise(self.densities.loss_of(terms))
        if self.log_now:
            self.log_training({**logged_terms(terms), "loss": total, "rank": self.rank}, len(x))

    def _estimate(self, x: Tensor) -> None:
        """One step of the densities alone."""
        with torch.no_grad():
            y = x @ self.symmetry.lift().T
        self.densities.follow(y, reduction())
        if self.densities.trained:
            with self.turn("densities"):
                loss = self.densities.loss(y, self._pixels(y), reduction())
                self.minimise(loss)
            if self.log_now:
                self.log_training({"nll": loss}, len(x))

    def _pixels(self, y: Tensor) -> Tensor:
        return self.slots(len(y), self.hparams["conditional_rows"])

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
        noise = self.shared_noise(self.dim, dtype=self.symmetry.filter.dtype)
        return noise.mul_(level * fading)
