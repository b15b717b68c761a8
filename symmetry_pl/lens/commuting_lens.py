"""CommutingLens: the generators of a hidden line or grid, learned by training."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, prod
from typing import Any, ClassVar, Literal

import torch
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor

from symmetry_pl.core import DataDescription, Player, PlayerOptions, reduction
from symmetry_pl.core.distributed import world_size
from symmetry_pl.core.noise import mix_seed
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.commuting_convolution import CommutingConvolution
from symmetry_pl.lens.commuting_evaluation import CommutingEvaluator
from symmetry_pl.lens.critics import Judgement, ShiftCritics
from symmetry_pl.lens.densities.density_model import DensityModel, DensityScores
from symmetry_pl.lens.domains.find import FoundDomain, find_domain
from symmetry_pl.lens.domains.mixed import FoundMixedDomain, find_mixed_domain
from symmetry_pl.lens.lens_module import LensModule
from symmetry_pl.lens.losses import axes_of
from symmetry_pl.lens.objective import Terms, grid_terms
from symmetry_pl.lens.requirements import check_numbers

__all__ = ["CommutingLens"]

_WEIGHTS = {
    "paper": {"alignment": 1.0, "uniformity": 2.0, "resolution": 1.0, "information": 1.0},
    "successor": {"alignment": 0.0, "uniformity": 1.0, "resolution": 0.2, "information": 0.15},
}
_WINDOW = {"sharpness": 75.0, "eps": 2 * pi * 2e-5}
"""Of the successor's joint entropy, ½ (log 2π(v + ε) + 1): ε is 10⁻⁵ for each of two floors."""


class CommutingLens(LensModule):
    r"""Commuting generators and one filter that turn k hidden symmetries into shifts of a grid.

    .. math:: y_p = \varphi^\top G_1^{p_1} \cdots G_k^{p_k} x, \qquad
        \min\; a\,A + u\,U + r\,H_m - (r + i)\,H_j

    with the terms of ``SymmetryLens``, of which alignment A and uniformity U are means over axes
    (``loss: paper``); or, as in its authors' next paper (*Blind Recovery of Latent Domains via
    Unsupervised Symmetry Discovery*, arXiv 2606.17782), without A, and with U the Jensen-Shannon
    divergence of the grid without its first and without its last slice, as critics of whole
    signals estimate it (``loss: successor``).

    Differs from that paper's code: planes are a rotation of fixed ones, not the eigenvectors of a
    free matrix, and no centre of the grid is learned; see ``ShiftCritics`` as well.

    Phases: estimators alone (``estimate``, none by default), then all players (``train``). Players:
    ``symmetry`` moves planes, angles and φ; ``densities`` what is fitted by gradient; ``critics``.

    Args:
        shape: positions along each axis, one or two of them; their product is d.
        padding: zeros behind a sample, room to leave the grid by; one position more along each
            axis if null.
        loss: ``paper`` or ``successor``.
        init: ``found`` starts at the grid that ``find_domain`` finds, ``random`` anywhere.
        mixing: what ``found`` looks behind: ``permutation`` or ``orthogonal``, as of LensDomain.
        frequencies: of a random start: ``free`` or ``torus``, see ``CommutingConvolution``.
        init_scale: standard deviation of free angles at the start.
        alignment: a; that of the loss, as published, if null, as the next three.
        uniformity: u.
        resolution: r.
        information: i.
        critics: ``published`` or ``small``, see ``Critic``; of ``loss: successor``.
        pairing: as of ``SymmetryLens``, like all that follows.
        statistics: of the ``dataset`` or of each ``batch``.
        marginals: ``em`` or ``gradient``.
        em_rate: share of a batch in the running statistics of EM.
        components: Gaussians in a mixture.
        hidden: width of the conditional networks; 16 d if null.
        conditional: whether the paper's U has its conditional part.
        conditional_rows: samples a conditioning pixel in a batch; all if null.
        filter_noise: standard deviation of noise on φ at the start.
        filter_noise_batches: batches after which it has fallen by e.
        rank: ``full`` or ``growing``.
        kwargs: options of ``SymmetryModule``.

    Raises:
        ValueError: for an option that makes no model, data of another size than the grid, or a
            grid that is found in another shape.
    """

    headline: ClassVar[tuple[str, ...]] = (
        "loss",
        "generator_cosine",
        "generator_cosine_inside",
        "image_correlation",
        "stationarity_residual",
    )

    def __init__(
        self,
        shape: list[int],
        padding: int | None = None,
        loss: Literal["paper", "successor"] = "paper",
        init: Literal["found", "random"] = "found",
        mixing: Literal["permutation", "orthogonal"] = "permutation",
        frequencies: Literal["free", "torus"] = "free",
        init_scale: float = 1e-3,
        alignment: float | None = None,
        uniformity: float | None = None,
        resolution: float | None = None,
        information: float | None = None,
        critics: Literal["published", "small"] = "small",
        pairing: Literal["paired", "unpaired"] = "paired",
        statistics: Literal["dataset", "batch"] = "dataset",
        marginals: Literal["em", "gradient"] = "em",
        em_rate: float = 0.03,
        components: int = 4,
        hidden: int | None = None,
        conditional: bool = False,
        conditional_rows: int | None = None,
        filter_noise: float = 0.0,
        filter_noise_batches: float = 1000.0,
        rank: Literal["full", "growing"] = "full",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_numbers(self.hparams)
        if self.topology == "ring":
            raise ValueError("a CommutingLens has lines that end: leave out model.topology ring")
        if not 1 <= len(shape) <= 2 or min(shape) < 2 or prod(shape) < 3:
            raise ValueError(
                f"model.shape must be one or two lengths of at least 2, got {list(shape)}"
            )
        if conditional and loss == "successor":
            raise ValueError("model.conditional is of model.loss paper: successor has critics")
        self.shape = tuple(shape)
        given = {
            "alignment": alignment,
            "uniformity": uniformity,
            "resolution": resolution,
            "information": information,
        }
        chosen = {name: value for name, value in given.items() if value is not None}
        self.loss_weights = {**_WEIGHTS[loss], **chosen}
        self.symmetry: CommutingConvolution

    # -- networks, players and figures -----------------------------------------------------------

    def check_data(self, data: DataDescription) -> None:
        """Refuse samples that are not as long as the grid has positions."""
        super().check_data(data)
        if data.x_shape[0] != prod(self.shape):
            raise ValueError(
                f"samples have {data.x_shape[0]} numbers, and model.shape "
                f"{' x '.join(map(str, self.shape))} has {prod(self.shape)} positions"
            )

    def configure_networks(self, data: DataDescription) -> None:
        """The layer, the densities of what it sees, and critics where the loss has them."""
        dim, given = data.x_shape[0], self.hparams
        self.symmetry = CommutingConvolution(
            self.shape, given["padding"], given["frequencies"], given["init_scale"]
        )
        self.room_for_statistics(dim)
        self.densities = DensityModel(
            dim,
            given["components"],
            (given["hidden"] or 16 * dim) if given["conditional"] else None,
            given["marginals"],
            given["em_rate"],
            given["pairing"],
        )
        successor = given["loss"] == "successor"
        self.critics = ShiftCritics(self.shape, given["critics"]) if successor else None

    def configure_players(self) -> dict[str, Player]:
        """The symmetry, densities that are fitted by gradient, and critics."""
        common = PlayerOptions(eps=1e-7, schedule="geometric", end=0.1)
        players = {"symmetry": Player([self.symmetry], {"lr": 1e-4, **common})}
        if self.densities.trained:
            players["densities"] = Player(self.densities.trained, {"lr": 2.5e-3, **common})
        if self.critics is not None:
            players["critics"] = Player([self.critics], {"lr": 2.5e-3, **common})
        return players

    def configure_evaluator(self, stage: Literal["val", "test"]) -> CommutingEvaluator:
        """The loss of a whole set beside figures that need the truth."""
        return CommutingEvaluator()

    @property
    def domain(self) -> Domain:
        """The grid."""
        return Domain(tuple((n, "chain") for n in self.shape))

    def generators(self) -> Tensor:
        """One an axis, cropped to the samples' space, ``(k, d, d)``."""
        return self.symmetry.generators()

    def transform(self, x: Tensor, t: Sequence[float] | Tensor) -> Tensor:
        """Samples ``(B, d)`` moved by real amounts along the axes, ``(k,)`` or ``(B, k)``."""
        amounts = torch.as_tensor(t, dtype=torch.float64, device=x.device)
        return self.symmetry.transform(x, amounts)

    def learned(self) -> dict[str, Tensor]:
        """Generators, their logarithms, filter, lifting matrix and the shape of the grid."""
        return {**self.symmetry.learned(), "shape": torch.tensor(self.shape)}

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Row numbers and the representation, the last axis fastest."""
        return {"row": batch[2], "representation": self.symmetry(batch[0])}

    # -- before the first batch ------------------------------------------------------------------

    def find_start(self) -> None:
        """Begin at the grid that is found in the training set, if ``init`` says so."""
        if self.hparams["init"] != "found":
            return
        x = self.training_signals().cpu()
        # numbers may differ between machines: one process decides
        found: FoundDomain = self.trainer.strategy.broadcast(self._search(x))
        verdict = found.verdict
        rank_zero_info(f"start: {verdict.name}: {verdict.because}")
        if not verdict.found:
            rank_zero_warn(
                f"training starts at a grid that is NOT SURE ({verdict.name}): try more samples, "
                "see that model.mixing says what happened to the pixels, or set model.init random"
            )
        self.symmetry.adopt(found_basis(found, self.shape))

    def _search(self, x: Tensor) -> FoundDomain:
        if self.hparams["mixing"] == "permutation":
            return find_domain(x)
        return find_mixed_domain(x, mix_seed(self.noise_seed or 0, 0) % 2**31)

    # -- one step --------------------------------------------------------------------------------

    def scores_of(self, y: Tensor, slots: Tensor) -> list[DensityScores]:
        """What the densities say along each axis of the grid; once where critics judge."""
        axes = axes_of(self.domain)[: 1 if self.critics is not None else None]
        return [self.densities.scores(y, slots, reduction(), axis.stride) for axis in axes]

    def terms_of(
        self, y: Tensor, scores: list[DensityScores], spread: Tensor, rank: float = 1.0
    ) -> Terms:
        """The terms of the loss; uniformity of critics stands for both of its parts."""
        axes = axes_of(self.domain)
        if self.critics is None:
            return grid_terms(scores, spread, axes, rank)
        judged = self.critics.uniformity(self._judge(self.critics, y))
        return grid_terms(scores, spread, axes, rank, judged, **_WINDOW)

    def fit_critics(self, y: Tensor) -> dict[str, Tensor]:
        """One step of the critics towards the largest bounds."""
        if self.critics is None:
            return {}
        with self.turn("critics"):
            loss = -self._judge(self.critics, y).bounds
            self.minimise(loss)
        return {"critic_loss": loss}

    def _judge(self, critics: ShiftCritics, y: Tensor) -> Judgement:
        rank = 0 if self._trainer is None else self._trainer.global_rank
        found: Judgement = critics(y, reduction(), rank, world_size())
        return found


def found_basis(found: FoundDomain, shape: Sequence[int]) -> Tensor:
    """Directions ``(d, d)`` of the positions of a grid, in their order, of what was found.

    Inputs without a place take the cells that are left.

    Raises:
        ValueError: if what was found has another shape, whichever way it lies.
    """
    lengths = tuple(length for length, _ in found.domain.axes)
    if sorted(lengths) != sorted(shape) or any(t == "ring" for _, t in found.domain.axes):
        kinds = " x ".join(f"{length} ({t})" for length, t in found.domain.axes)
        raise ValueError(
            f"what was found in the data is {kinds}, and model.shape is "
            f"{' x '.join(map(str, shape))}: set the shape that was found, or model.init random"
        )
    inputs = torch.full((found.domain.size,), -1)
    placed = (found.places >= 0).nonzero()[:, 0]
    inputs[found.places[placed]] = placed
    inputs[inputs < 0] = (found.places < 0).nonzero()[:, 0]
    order = inputs.view(lengths)
    if lengths != tuple(shape):
        order = order.mT
    if isinstance(found, FoundMixedDomain):
        return found.basis[order.flatten()]
    return torch.eye(len(inputs), dtype=torch.float64)[order.flatten()]
