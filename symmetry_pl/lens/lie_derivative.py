"""Lie derivatives of a fitted law: the generators that it is invariant under are a null space."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from symmetry_pl.core import DataDescription, Player, PlayerOptions
from symmetry_pl.lens.element_evaluation import NullSpaceEvaluator
from symmetry_pl.lens.generator_module import GeneratorModule
from symmetry_pl.nn.mlp import MLP

__all__ = ["LieDerivative", "lie_derivative_rows"]

_TINY = 1e-12


class LieDerivative(GeneratorModule):
    r"""The Lie algebra that a property or a density is invariant under, without an adversary.

    A network is fitted to the data; then the linear equations that an invariance means,

    .. math:: \nabla f(x) \cdot L x = 0, \qquad
        \nabla \log p(x) \cdot L x + \mathrm{tr}\, L = 0

    of a property f of x, or of the density of x, are solved for L at the training samples in least
    squares: L is in the null space of the matrix C of rows vec(∇f xᵀ), or vec(∇log p xᵀ + I), and
    the small singular values of C count the dimensions of the group (after LieSD, Ko et al., 2024,
    and the Lie derivative of Gruver et al., 2023). Here f is a regression of the targets and
    ∇ log p a score fitted by denoising (Vincent, 2011).

    Only connected groups have Lie algebras: of data with finite symmetries alone, what is found are
    the directions in which the density changes least.

    Args:
        law: ``property``, the targets as functions of x, or ``density``, that of x; ``auto``
            for ``property`` where the data have targets.
        dimensions: k, how many generators are given; null for as many singular values as lie
            before the largest gap among them, in ratio.
        widths: of the hidden layers.
        activation: of the network.
        noise: standard deviation of the noise that a score is fitted at, in standard deviations of
            all numbers together.
        rows: samples of the training set that the equations are of.
        kwargs: options of ``GeneratorModule``; ``topology`` is not used.

    Raises:
        ValueError: for an option that cannot be, or a property of data without targets.
    """

    least_dim = 2
    headline = ("objective", "null_dimension", "algebra_cosine", "subgroup_cosine")

    def __init__(
        self,
        law: Literal["auto", "property", "density"] = "auto",
        dimensions: int | None = None,
        widths: list[int] | None = None,
        activation: str = "silu",
        noise: float = 0.2,
        rows: int = 4000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if dimensions is not None and dimensions < 1:
            raise ValueError(f"model.dimensions must be at least 1, got {dimensions}")
        if not noise > 0 or rows < 1:
            raise ValueError(
                f"model.noise must be positive and model.rows at least 1, got {noise} and {rows}"
            )
        self.spectrum: Tensor
        self.null_space: Tensor
        self.scale: Tensor

    def check_data(self, data: DataDescription) -> None:
        """Refuse a property of data that have none, and more generators than matrices."""
        super().check_data(data)
        d, most = data.x_shape[0], self.hparams["dimensions"]
        if self.hparams["law"] == "property" and not data.target_names:
            raise ValueError("model.law property is one of targets, and the data have none")
        if most is not None and most > d * d:
            raise ValueError(f"model.dimensions is {most}, and there are {d * d} of {d} x {d}")

    def configure_networks(self, data: DataDescription) -> None:
        """The network f ``(B, d)`` to ``(B, t)``, or the score ``(B, d)``."""
        d, given = data.x_shape[0], self.hparams
        asked = "property" if data.target_names else "density"
        self.law = asked if given["law"] == "auto" else given["law"]
        outputs = len(data.target_names) if self.law == "property" else d
        widths = given["widths"] or [64, 64]
        self.network = MLP(d, outputs, widths, activation=given["activation"])
        self.register_buffer("scale", torch.tensor(float("nan")))
        self.register_buffer("spectrum", torch.full((d * d,), float("nan")))
        self.register_buffer("null_space", torch.zeros(d * d, d, d))

    def configure_players(self) -> dict[str, Player]:
        """The network."""
        options = PlayerOptions(lr=2e-3, schedule="cosine", end=0.02)
        return {"network": Player([self.network], options)}

    def configure_evaluator(self, stage: Literal["val", "test"]) -> NullSpaceEvaluator:
        """How well the law is fitted, how many generators it has, and how near these are."""
        return NullSpaceEvaluator()

    # -- what is fitted --------------------------------------------------------------------------

    def on_fit_start(self) -> None:
        """Take the standard deviation of all numbers from the training set."""
        self.measure()

    def measure(self) -> None:
        """Take the standard deviation of all numbers from the training set."""
        self.scale.copy_(self.training_signals().std())

    def loss(self, batch: Any, normal: Tensor) -> Tensor:
        """Squared error of the targets, or of the noise that a score takes away, a number each.

        Args:
            batch: x ``(B, d)`` and y ``(B, t)``.
            normal: standard normal numbers ``(B, d)``, of which a property has no use.
        """
        x, y = batch[0], batch[1]
        if self.law == "property":
            return mse_loss(self.network(x / self.scale), y)
        noisy = x / self.scale + self.hparams["noise"] * normal
        return mse_loss(self.network(noisy), -normal)

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One step of the network."""
        x = batch[0]
        normal = self.noise(*x.shape, dtype=x.dtype)
        with self.turn("network"):
            loss = self.loss(batch, normal)
            self.minimise(loss)
        if self.log_now:
            self.log_training({"loss": loss}, len(x))

    # -- what it is invariant under --------------------------------------------------------------

    def solve(self) -> None:
        """Find singular values and generators of the equations at the training samples."""
        signals = self.training_signals(self.hparams["rows"])
        with torch.inference_mode(False), torch.enable_grad():
            rows = self._rows(signals.clone() / self.scale)
        # of C itself and not of CᵀC, whose small singular values would be squared
        _, sigma, right = torch.linalg.svd(rows.double(), full_matrices=len(rows) < rows.shape[1])
        sigma = torch.nn.functional.pad(sigma, (0, rows.shape[1] - len(sigma)))
        d = self.dim
        self.spectrum.copy_(sigma.flip(0) / sigma.max().clamp(min=_TINY))
        self.null_space.copy_(right.flip(0).view(d * d, d, d))

    def _rows(self, x: Tensor) -> Tensor:
        if self.law == "density":
            score = self.network(x) / self.hparams["noise"]
            return lie_derivative_rows(score.detach(), x, density=True)
        x = x.requires_grad_()
        outputs = self.network(x).unbind(1)
        slopes = [torch.autograd.grad(one.sum(), x, retain_graph=True)[0] for one in outputs]
        return torch.cat([lie_derivative_rows(slope, x.detach()) for slope in slopes])

    @property
    def null_dimension(self) -> int:
        """How many singular values lie before the largest gap among them."""
        logs = self.spectrum.clamp(min=_TINY).log()
        return int(logs.diff().argmax()) + 1

    def algebra(self) -> Tensor:
        """The generators of least change ``(k, d, d)``, of unit norm."""
        return self.null_space[: self.hparams["dimensions"] or self.null_dimension]

    def generators(self) -> Tensor:
        """Exponentials of each ``(k, d, d)``; the scale of a generator means nothing."""
        elements: Tensor = torch.matrix_exp(self.algebra())
        return elements

    def learned(self) -> dict[str, Tensor]:
        """Generators, all singular values from the least, in units of the largest, and their L."""
        return super().learned() | {"algebra": self.algebra(), "spectrum": self.spectrum}

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Row numbers, and samples moved by the first generator."""
        return {"row": batch[2], "moved": batch[0] @ self.generators()[0].T}


def lie_derivative_rows(slope: Tensor, x: Tensor, density: bool = False) -> Tensor:
    r"""Rows c with c · vec(L) = ∇f(x) · L x, or ∇ log p(x) · L x + tr L.

    Args:
        slope: ∇f or ∇ log p, ``(B, d)``.
        x: ``(B, d)``.
        density: whether a density is asked, and the trace counts.

    Returns:
        ``(B, d²)``.

    >>> lie_derivative_rows(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]])).tolist()
    [[3.0, 4.0, 6.0, 8.0]]
    """
    rows = slope[:, :, None] * x[:, None, :]
    if density:
        rows = rows + torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    return rows.flatten(1)
