"""SymmetryLens: the generator of a hidden one-parameter group, from raw vectors."""

from __future__ import annotations

from typing import Any, Literal

import torch
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor

from symmetry_pl.core import DataDescription, Length, Player, PlayerOptions
from symmetry_pl.core.phases import in_batches
from symmetry_pl.lens.densities.density_model import DensityModel, DensityScores
from symmetry_pl.lens.domains import find_domain
from symmetry_pl.lens.generator_module import GeneratorModule
from symmetry_pl.lens.group_convolution import GroupConvolution
from symmetry_pl.lens.lens_evaluation import LensEvaluator
from symmetry_pl.lens.lens_module import EM_SAMPLES, LensModule
from symmetry_pl.lens.objective import Terms, loss_terms
from symmetry_pl.lens.requirements import check_options, check_rows
from symmetry_pl.lens.straighten import mend
from symmetry_pl.lens.warm_start.blind import WarmStart, blind_source
from symmetry_pl.lens.warm_start.evidence import half_errors
from symmetry_pl.lens.warm_start.verdict import Verdict, judged

__all__ = ["SymmetryLens"]

_EVIDENCE = (
    "samples",
    "agreement",
    "p_value",
    "misfit",
    "white",
    "closed",
)  # arguments of ``judged``


class SymmetryLens(LensModule):
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

    Phases: densities alone (``estimate``, none by default), then both players (``train``). Players:
    ``symmetry`` moves A and φ, ``densities`` what is fitted by gradient.

    Args:
        topology: whether the hidden positions are a ``chain`` or a ``ring``; with ``auto`` the warm
            start says which, and what it says replaces ``auto`` in checkpoints.
        padding: zeros on either side of the filter, so that the chain has room to leave by; as many
            as a sample is long if null, as in the paper. A ring has none.
        init: ``blind_source``, the warm start, or ``random``, the paper's.
        init_options: options of ``blind_source``, such as ``effort``.
        init_scale: standard deviation of the random start of A; a filter starts at 0 there.
        alignment: a.
        uniformity: u.
        resolution: r.
        information: i; −r drops the joint entropy and keeps the marginal one.
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
        straighten: lengths of training after which the rows of the lifting matrix may be put in
            order.
        compare_with_truth: test the loss against that of the true basis; costs seconds.
        kwargs: options of ``SymmetryModule``: ``phases``, ``players``, ``thorough_every``.

    Raises:
        ValueError: for an option that makes no model, or data that it cannot learn from.
    """

    headline = ("loss", "generator_cosine", "lifting_error", "stationarity_residual", "confidence")

    def __init__(
        self,
        topology: Literal["chain", "ring", "auto"] = "chain",
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
        straighten: list[Length] | None = None,
        compare_with_truth: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__("chain" if topology == "auto" else topology, **kwargs)
        check_options(self.hparams)
        self._found: WarmStart | None = None
        self.loss_weights = {
            "alignment": alignment,
            "uniformity": uniformity,
            "resolution": resolution,
            "information": information,
        }
        self.confidence: Tensor
        self.evidence: Tensor
        self.half_bases: Tensor
        self.grid: Tensor
        self.symmetry: GroupConvolution

    # -- networks, players and figures -----------------------------------------------------------

    def configure_networks(self, data: DataDescription) -> None:
        """The group convolution and the densities of what it sees."""
        dim, given = data.x_shape[0], self.hparams
        if given["topology"] == "auto":
            raise ValueError(
                "model.topology auto is settled by a fit, which writes chain or ring into its "
                "checkpoints: give one of the two, or begin with a checkpoint"
            )
        self.symmetry = GroupConvolution(dim, given["padding"], given["init_scale"], self.topology)
        self.room_for_statistics(dim)
        self.register_buffer("confidence", torch.tensor(float("nan")))
        self.register_buffer("evidence", torch.zeros(len(_EVIDENCE)))
        self.register_buffer("half_bases", torch.zeros(2, dim, dim))
        self.register_buffer("grid", torch.zeros(2, dtype=torch.int64))
        self.densities = DensityModel(
            dim,
            given["components"],
            (given["hidden"] or 16 * dim) if given["conditional"] else None,
            given["marginals"],
            given["em_rate"],
            given["pairing"],
        )

    def configure_players(self) -> dict[str, Player]:
        """The symmetry, and the densities that are fitted by gradient."""
        # eps: that of the published code's library
        common = PlayerOptions(eps=1e-7, schedule="geometric", end=0.1)
        players = {"symmetry": Player([self.symmetry], {"lr": 1e-4, **common})}
        if self.densities.trained:
            players["densities"] = Player(self.densities.trained, {"lr": 2.5e-3, **common})
        return players

    def configure_evaluator(self, stage: Literal["val", "test"]) -> LensEvaluator:
        """The loss of a whole set beside the figures of the generator."""
        return LensEvaluator(self.hparams["compare_with_truth"])

    def generators(self) -> Tensor:
        """The one generator, cropped to the samples' space, ``(1, d, d)``."""
        return self.symmetry.generator()[None]

    def transform(self, x: Tensor, t: Tensor | float) -> Tensor:
        """Samples ``(B, d)`` moved by real amounts along the symmetry, one or ``(B,)``."""
        return self.symmetry.transform(x, t)

    def learned(self) -> dict[str, Tensor]:
        """Generator, its logarithm, filter and lifting matrix, and how sure a warm start was.

        ``generator_error`` ``(d, d)`` and ``filter_error`` ``(d,)`` are standard errors, half of
        what the two halves of the samples differ by; ``power_errors`` those of G, G², … in norm,
        over that of the power.
        """
        found = self.symmetry.learned()
        if self.judgement:
            found |= {"confidence": self.confidence, **self._errors()}
        return found

    def _errors(self) -> dict[str, Tensor]:
        errors = half_errors(self.half_bases, self.topology)
        return {name: value.to(self.dtype) for name, value in errors.items()}

    @property
    def judgement(self) -> dict[str, float]:
        """What the warm start says of itself, by name; empty where there was none."""
        if not torch.isfinite(self.confidence):
            return {}
        return dict(zip(_EVIDENCE, self.evidence.tolist(), strict=True))

    def verdict(self, figures: dict[str, float]) -> str | None:
        """What was found, in words, and why."""
        said = self.judged()
        return said and f"{said.name}: {said.because}"

    def judged(self) -> Verdict | None:
        """The verdict of the warm start, if there was one."""
        given = self.judgement
        height, width = self.grid.tolist()
        lattice = {"height": height, "width": width}
        return judged(self.topology, dim=self.dim, **given, **lattice) if given else None

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Row numbers and the symmetry-based representation."""
        return {"row": batch[2], "representation": self.symmetry(batch[0])}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """What a SymmetryModule restores; the first checkpoints say nothing of lattices."""
        checkpoint["state_dict"].setdefault("grid", torch.zeros(2, dtype=torch.int64))
        super().on_load_checkpoint(checkpoint)

    # -- before the first batch ------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Refuse data, batches and sets that cannot be used, before anything is computed."""
        if stage == "fit" and self.hparams["topology"] == "auto":
            self._settle_topology()
        super().setup(stage)

    def _settle_topology(self) -> None:
        """Look for a chain and a ring while there are no networks, whose sizes depend on it."""
        signals = GeneratorModule.training_signals(self, ordered=True)
        conditional = self.hparams["conditional"]
        source = self.trainer.datamodule  # type: ignore[attr-defined]
        self.check_data(source.description)
        validated = bool(self.trainer.limit_val_batches)
        check_rows(source, "fit", signals.shape[1], conditional, validated)
        self._found = self._search(signals, "auto")
        self.topology = self.hparams["topology"] = self._found.topology
        rank_zero_info(f"model.topology: {self.topology}, as the warm start finds")

    def _search(self, signals: Tensor, topology: Literal["chain", "ring", "auto"]) -> WarmStart:
        given = {
            "seed": (torch.initial_seed() if self.noise_seed is None else self.noise_seed) % 2**31,
            "block": getattr(self.trainer.datamodule, "dependent_rows", None),  # type: ignore[attr-defined]
        }
        options = given | (self.hparams["init_options"] or {})
        found = blind_source(signals.cpu(), topology=topology, **options)
        # numbers may differ between machines: one process decides
        return self.trainer.strategy.broadcast(found)

    def _lattice(self) -> Tensor:
        """Rows and columns of a lattice on which the inputs lie, 0 without one."""
        found = find_domain(self.training_signals().cpu())
        cells = [length for length, _ in found.domain.axes]
        two = found.verdict.found and len(cells) == 2
        grid = torch.tensor(cells if two else [0, 0])
        return self.trainer.strategy.broadcast(grid)

    def find_start(self) -> None:
        """The warm start, if ``init`` says so."""
        if self.hparams["init"] != "blind_source":
            return
        found = self._found or self._search(self.training_signals(ordered=True), self.topology)
        self._found = None
        self.symmetry.adopt(found.basis)
        self.confidence.fill_(found.confidence)
        self.evidence.copy_(torch.tensor([found.figures[name] for name in _EVIDENCE]))
        self.half_bases.copy_(found.halves)
        if not found.verdict.found:
            self.grid.copy_(self._lattice())
        verdict = self.judged() or found.verdict
        held = found.evidence
        rank_zero_info(
            f"warm start: {verdict.name}: {verdict.because}; each half has {held.covariance:.1f} "
            f"(covariance) and {held.amplitudes:.1f} (amplitudes) times that along the positions "
            f"of the other, and {held.shuffled:.1f} with these in random order"
        )
        if not verdict.found:
            rank_zero_warn(
                f"the warm start is NOT SURE of a symmetry: {verdict.name}: try more samples, "
                "another model.topology, model.init_options.effort, or model.init random"
            )

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Set rates and noise; straighten where it is due."""
        super().on_train_batch_start(batch, batch_idx)
        whole, epoch = self.phases.total, self.phases.per_epoch
        lengths: list[Length] = self.hparams["straighten"] or []
        due = (round(in_batches(x, "model.straighten", whole, epoch)) for x in lengths)
        if self.clock in due:
            self._straighten()

    def _straighten(self) -> None:
        """Put the rows of the lifting matrix in order, if that lowers the loss."""
        signals = self.training_signals(EM_SAMPLES)
        found = mend(
            self.symmetry,
            signals,
            self.covariance,
            self.topology,
            self.loss_weights,
            self.densities.components,
        )
        if found is not None:
            rank_zero_info(f"straightened: loss {found[0]:.3f} becomes {found[1]:.3f}")
            self.player_optimizer("symmetry").optimizer.state.clear()
            self.restart_densities(signals)

    # -- one step --------------------------------------------------------------------------------

    def terms_of(
        self, y: Tensor, scores: list[DensityScores], spread: Tensor, rank: float = 1.0
    ) -> Terms:
        """The terms of the paper's loss."""
        return loss_terms(scores[0], spread, rank, self.ring)
