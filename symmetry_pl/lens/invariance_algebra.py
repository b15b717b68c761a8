"""The Lie algebra of the linear groups that leave a law alone, from plain vectors."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor, nn

from symmetry_pl.core import DataDescription, Player, PlayerOptions
from symmetry_pl.core.noise import mix_seed
from symmetry_pl.lens.algebra.count import count_generators
from symmetry_pl.lens.algebra.equations import solve
from symmetry_pl.lens.algebra.moment_functions import FunctionBank, draw_frequencies, function_count
from symmetry_pl.lens.algebra.refinement import orthonormal, violation_loss
from symmetry_pl.lens.algebra.whitening import shell, whitening
from symmetry_pl.lens.algebra_evaluation import AlgebraEvaluator
from symmetry_pl.lens.generator_module import GeneratorModule

__all__ = ["InvarianceAlgebra"]

_WAVES = 150  # a dimension
_FRESH = 10  # of a batch, a dimension
_SEED = 0x1E


class InvarianceAlgebra(GeneratorModule):
    r"""All matrices X for which exp(tX) leaves the law of the samples alone, and their number.

    .. math:: E\,\nabla f(x)^\top X x = 0 \quad \text{for all smooth } f

    is linear in X. The equations of waves, products of two coordinates and coordinates are weighed
    by their sampling noise and solved at once, before the first batch; a test of their rank on
    samples that the solution has not seen says how many generators there are. Each batch then
    moves the generators a little by the gradient of the same violation with waves drawn anew.

    One player, ``generators``.

    A group that leaves a law with finite second moments alone is compact: some change of
    coordinates makes it a group of rotations. Scalings and boosts leave a law alone at most where
    one looks, within a ``window``.

    Args:
        level: probability of refusing a number of generators that is true.
        waves: number of waves; 150 d if null. Half of them count the generators.
        wave_number: root mean square length of their frequencies, in radians a whitened unit.
        window: two shares of the samples, ordered by their length in whitened coordinates, between
            which the law is looked at; null for the whole law.
        kwargs: options of ``SymmetryModule``.

    Raises:
        ValueError: for an option that makes no model, or samples too few to tell.
    """

    headline: ClassVar[tuple[str, ...]] = ("objective", "generator_count", "generator_angle")

    def __init__(
        self,
        level: float = 0.001,
        waves: int | None = None,
        wave_number: float = 2.0,
        window: list[float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 < level < 1:
            raise ValueError(f"model.level must be above 0 and below 1, got {level}")
        if waves is not None and waves < 1:
            raise ValueError(f"model.waves must be at least 1, got {waves}")
        if not wave_number > 0:
            raise ValueError(f"model.wave_number must be above 0, got {wave_number}")
        if window is not None and not (len(window) == 2 and 0 <= window[0] < window[1] <= 1):
            raise ValueError(
                f"model.window must be two shares of the samples, 0 to 1, rising, got {window}"
            )
        self.whiten: Tensor
        self.count: Tensor
        self.root: Tensor
        self.p_values: Tensor

    def check_data(self, data: DataDescription) -> None:
        """Refuse what is not a vector, and more dimensions than the waves can tell apart."""
        super().check_data(data)
        dim = data.x_shape[0]
        waves = self.hparams["waves"]
        if waves is not None and function_count(waves, dim) <= dim**2:
            raise ValueError(
                f"model.waves = {waves} gives fewer equations than a matrix of {dim} columns has "
                f"entries: choose more than {dim**2}, or null"
            )

    def configure_networks(self, data: DataDescription) -> None:
        """Room for what is found before the first batch."""
        dim = data.x_shape[0]
        waves: int = self.hparams["waves"] or _WAVES * dim
        size = function_count(waves, dim)
        frequencies, phases = draw_frequencies(waves, dim, self.hparams["wave_number"], _SEED)
        dtype = torch.get_default_dtype()
        self.register_buffer("frequencies", frequencies.to(dtype))
        self.register_buffer("wave_phases", phases.to(dtype))
        self.register_buffer("window", torch.full((2,), torch.inf))
        self.register_buffer("whiten", torch.eye(dim))
        self.directions = nn.Parameter(torch.eye(dim**2).reshape(-1, dim, dim))
        self.register_buffer("root", torch.eye(size))
        self.register_buffer("p_values", torch.full((2,), torch.nan))
        self.register_buffer("count", torch.tensor(0))

    def configure_players(self) -> dict[str, Player]:
        """The generators."""
        options = PlayerOptions(lr=1e-4, schedule="cosine", end=0.0)
        return {"generators": Player([self.directions], options)}

    def configure_evaluator(self, stage: Literal["val", "test"]) -> AlgebraEvaluator:
        """How far samples agree with the generators, and the figures that need the truth."""
        return AlgebraEvaluator()

    @property
    def bank(self) -> FunctionBank:
        """What the law is tested with, in double precision."""
        names = ("frequencies", "wave_phases", "window")
        return FunctionBank(*(self.get_buffer(name).double() for name in names))

    def whitened(self, x: Tensor) -> Tensor:
        """Samples ``(B, d)`` where the group is one of rotations, ``(B, d)``."""
        return x @ self.whiten.T

    def generators(self) -> Tensor:
        """X_1 … X_g in the units of the data, ``(g, d, d)``; orthonormal in whitened ones.

        Here they are infinitesimal: exp(t X) is what moves samples.
        """
        white = self.whiten.double()
        found = self.directions[: int(self.count)].double()
        inside: Tensor = torch.linalg.solve(white, orthonormal(found) @ white)
        return inside.to(self.whiten.dtype)

    def transform(self, x: Tensor, t: Tensor) -> Tensor:
        """exp(Σ t_j X_j) x of samples ``(B, d)``; t of shape ``(g,)`` or ``(B, g)``."""
        move = torch.matrix_exp(torch.einsum("...g,gab->...ab", t, self.generators()))
        return (move @ x[..., None])[..., 0]

    def learned(self) -> dict[str, Tensor]:
        """The generators, the whitening, and the tests' probabilities."""
        return {**super().learned(), "whitening": self.whiten, "p_values": self.p_values}

    def on_fit_start(self) -> None:
        """Find the generators in the training set."""
        if not self.batches_seen:
            self.adopt(self.training_signals().double())

    def adopt(self, x: Tensor) -> None:
        """Find the generators of samples ``(n, d)``, float64."""
        found = self._find(x)
        # numbers may differ between machines: one process decides
        found = self.trainer.strategy.broadcast(found)
        for name, value in found.items():
            getattr(self, name).data.copy_(value)
        rank_zero_info(
            f"{int(self.count)} generators (p = {float(self.p_values[0]):.2g}; "
            f"one more: p = {float(self.p_values[1]):.2g})"
        )

    def _find(self, x: Tensor) -> dict[str, Tensor]:
        window = self.hparams["window"]
        white = whitening(x, window is not None)
        z = x @ white.T
        bank = self.bank
        if window is not None:
            bank = bank._replace(window=shell(z, (window[0], window[1])))
            norms = z.square().sum(1).log() / 2
            z = z[(norms > bank.window[0]) & (norms < bank.window[1])]
        if len(z) < bank.size:
            raise ValueError(
                f"{len(z)} samples are fewer than the {bank.size} equations that they must weigh: "
                "give more data, or a smaller model.waves"
            )
        half = bank.first(max(len(bank.frequencies) // 2, self.dim**2))
        tested = count_generators(half, z, self.hparams["level"])
        found = solve(bank, z, tested.generators)
        lengths = torch.linalg.matrix_norm(found.basis)[:, None, None]
        return {
            "window": bank.window,
            "whiten": white,
            "directions": found.basis / lengths,
            "root": found.root,
            "count": torch.tensor(tested.generators),
            "p_values": torch.tensor([tested.p_kept, tested.p_refused]),
        }

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One step of the generators down their violation by waves that are new."""
        dim, seed = self.dim, mix_seed(self.noise_seed or 0, self.batches_seen)
        fresh = draw_frequencies(_FRESH * dim, dim, self.hparams["wave_number"], seed)
        frequencies, phases = (part.to(self.device) for part in fresh)
        bank = self.bank._replace(frequencies=frequencies, phases=phases)
        z = self.whitened(batch[0]).double()
        with self.turn("generators"):
            loss = violation_loss(bank, z, self.directions[: int(self.count)].double())
            self.minimise(loss)
        if self.log_now:
            self.log_training({"violation_loss": loss}, len(z))

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Row numbers and whitened samples."""
        return {"row": batch[2], "representation": self.whitened(batch[0])}
