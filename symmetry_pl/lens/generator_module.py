"""What every method that learns a generator shares: the layer it learns, and how it is scored."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from symmetry_pl.core import DataDescription, SymmetryModule, reduction
from symmetry_pl.lens.densities.player import Densities
from symmetry_pl.lens.group_convolution import GroupConvolution
from symmetry_pl.lens.losses import covariance
from symmetry_pl.lens.objective import Terms
from symmetry_pl.lens.refit import refitted_loss
from symmetry_pl.metrics.generator import generator_scores, stationarity_residual

_SHOWN = 64  # samples kept for the figures


class GeneratorModule(SymmetryModule):
    """A method that learns a generator and a filter from plain vectors.

    A subclass makes ``densities`` and ``loss_weights`` and trains.

    Args:
        dim: d, the length of a sample.
        topology: ``chain`` or ``ring``.
        padding: zeros on either side of the filter; d if None, and none on a ring.
        init_scale: of the random start of A.
        compare_with_truth: whether a test compares the loss with that of the true basis.

    Raises:
        ValueError: for sizes or names that make no model.
    """

    monitor = "val/loss"
    painter: ClassVar[str] = "symmetry_pl.lens.painter:GeneratorPainter"
    headline = ("loss", "generator_cosine", "lifting_error", "stationarity_residual", "confidence")

    densities: Densities
    loss_weights: dict[str, float]

    def __init__(
        self,
        dim: int,
        topology: Any,
        padding: int | None,
        init_scale: float,
        compare_with_truth: bool,
    ) -> None:
        super().__init__()
        _check(dim, topology, padding)
        self.dim, self.topology, self.compare_with_truth = dim, topology, compare_with_truth
        room = 0 if topology == "ring" else dim if padding is None else padding
        self.symmetry = GroupConvolution(dim, room, init_scale)
        self.confidence: Tensor
        self.measured: Tensor
        self.covariance: Tensor
        self.register_buffer("measured", torch.tensor(False))
        self.register_buffer("covariance", torch.eye(dim))
        self.register_buffer("confidence", torch.tensor(float("nan")))
        self._samples: list[Tensor] = []
        self.shown = torch.zeros(0, dim)

    @property
    def ring(self) -> bool:
        """Whether the hidden positions close."""
        return bool(self.topology == "ring")

    def transform(self, x: Tensor, t: Tensor | float) -> Tensor:
        """Samples ``(B, d)`` moved by real amounts along the symmetry, one or ``(B,)``."""
        return self.symmetry.transform(x, t)

    def learned(self) -> dict[str, Tensor]:
        """Generator, its logarithm, filter and lifting matrix."""
        return self.symmetry.learned()

    # -- data ------------------------------------------------------------------------------------

    def check_data(self, data: DataDescription) -> None:
        """Refuse what is not a vector of d numbers."""
        if (data.kind, data.x_shape) != ("vector", (self.dim,)):
            raise ValueError(
                f"the data are {data.kind} of shape {data.x_shape}, SymmetryLens was built for "
                f"vectors of {self.dim}: set model.dim to {data.x_shape[0]}"
            )

    def measure(self) -> Tensor:
        """Take shift, scale and covariance from the training set, which is returned scaled."""
        signals = self.training_signals(scaled=False)
        self.symmetry.shift.copy_(signals.double().mean())
        self.symmetry.scale.copy_(signals.double().std(correction=0))
        signals = self.symmetry.scaled(signals)
        self.covariance.copy_(covariance(signals))
        self.measured.fill_(True)
        return signals

    def training_signals(self, limit: int | None = None, scaled: bool = True) -> Tensor:
        """The training set, or its first samples, ``(n, d)``: the same on all processes."""
        source = getattr(self.trainer.datamodule, "training_signals", None)  # type: ignore[attr-defined]
        if source is None:
            raise ValueError(
                "SymmetryLens learns from plain vectors: use SignalsDataModule, "
                "MNISTSlicesDataModule or ArrayDataModule"
            )
        signals: Tensor = source(limit).to(self.covariance)
        return self.symmetry.scaled(signals) if scaled else signals

    def slots(self, rows: int, most: int | None = None) -> Tensor:
        """Conditioning pixel of the first rows of a batch: their place in the global one, mod d.

        Args:
            rows: of the batch, on this process.
            most: rows a pixel in the global batch; all if None.
        """
        world, rank = self.trainer.world_size, self.trainer.global_rank
        # of the first most · d rows of the global batch, every W-th is this process's
        share = rows if most is None else max(0, -(-(most * self.dim - rank) // world))
        count = min(rows, share)
        return (torch.arange(count) * world + rank) % self.dim

    # -- evaluation ------------------------------------------------------------------------------

    def _start_evaluation(self) -> None:
        self._samples = []
        if not self.measured:
            self.measure()

    def on_validation_epoch_start(self) -> None:
        """Begin a new set of samples."""
        self._start_evaluation()

    def on_test_epoch_start(self) -> None:
        """Begin a new set of samples."""
        self._start_evaluation()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Keep the samples: the loss couples them all."""
        self._samples.append(batch[0])

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Keep the samples: the loss couples them all."""
        self._samples.append(batch[0])

    def on_validation_epoch_end(self) -> None:
        """Log the loss at full rank, its terms, and the figures of merit."""
        self._evaluate("val")

    def on_test_epoch_end(self) -> None:
        """Log the same on the test set."""
        self._evaluate("test")

    def _evaluate(self, stage: str) -> None:
        lift = self.symmetry.lift()
        x = torch.cat(self._samples)
        self._samples, self.shown = [], x[:_SHOWN]
        y = self.symmetry.scaled(x) @ lift.T
        terms = self.densities.terms(y, self.slots(len(y)), 1.0, None, reduction())
        spread = covariance(y, reduction())
        values: dict[str, Tensor | float] = logged_terms(terms)
        values["loss"] = terms.model_loss(**self.loss_weights)
        values["stationarity_residual"] = stationarity_residual(spread, self.topology)
        if torch.isfinite(self.confidence):
            values["confidence"] = self.confidence
        truth = self.data.extra if self.data is not None else {}
        if "ideal_basis" in truth and self.symmetry.filter.any():  # untrained, it looks nowhere
            values |= generator_scores(
                self.symmetry.generator(),
                lift,
                self.symmetry.filter,
                truth["ideal_basis"],
                truth["topology"],
            )
            if stage == "test" and self.compare_with_truth:
                values |= self._compare(x, truth["ideal_basis"])
        for name, value in values.items():
            self.log(f"{stage}/{name}", value, prog_bar=name in self.headline)

    def _compare(self, x: Tensor, basis: list[list[float]]) -> dict[str, Tensor]:
        """The loss of what was learned and of the true basis, densities fitted alike."""
        train = self.training_signals()
        lifts = {"loss_refitted": self.symmetry.lift(), "loss_of_truth": x.new_tensor(basis)}
        test = self.symmetry.scaled(x)
        return {
            name: refitted_loss(lift, train, test, self.loss_weights, self.ring)
            for name, lift in lifts.items()
        }

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Row numbers and the symmetry-based representation."""
        return {"row": batch[2], "representation": self.symmetry(batch[0])}


def logged_terms(terms: Terms) -> dict[str, Tensor | float]:
    """Terms of the loss by the names they are logged under."""
    names = ("alignment", "uniformity", "marginal_entropy", "joint_entropy", "conditional_nll")
    return {name: getattr(terms, name) for name in names}


def _check(dim: int, topology: str, padding: int | None) -> None:
    if dim < 3:
        raise ValueError(f"model.dim must be at least 3, got {dim}: two positions have no order")
    if topology not in ("chain", "ring"):
        raise ValueError(f"model.topology must be chain or ring, got {topology!r}")
    if topology == "ring" and padding:
        raise ValueError("a ring has no ends: model.padding must be null or 0 with topology ring")
    if padding is not None and padding < 0:
        raise ValueError(f"model.padding must not be negative, got {padding}")
