"""The information bottleneck that STIB and its baselines share."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from symmetry_pl.core import DataDescription, GeometricGrowth, Player, named_schedule
from symmetry_pl.core.registry import build_named
from symmetry_pl.information import kl_standard_normal
from symmetry_pl.nn.by_name import AUTOENCODERS
from symmetry_pl.nn.token_mask import TokenMask
from symmetry_pl.stib.invariance import InvarianceModule
from symmetry_pl.stib.token_check import check_tokens


class Bottleneck(InvarianceModule):
    r"""Encoder with a Gaussian posterior, decoder of X, and the growing weight λ.

    Every method of the family minimises

    .. math:: w_{KL}\, KL(q(z|x)\,\|\,N(0, I)) + \lambda\,(w_x\, L_x + \dots)

    (STIB, eqs. 1, 5 and 6) with λ growing geometrically (Algorithm 1, line 24), so that the
    compression fades. We divide the whole by λ: the minimiser is the same, and gradients keep
    their size. ``L_x`` is ‖x − x̂‖² for vectors and a cross-entropy for tokens.

    Args:
        autoencoder: name of the networks, see ``symmetry_pl.nn.by_name``.
        autoencoder_options: their options.
        latent_dim: k, dimensions of z.
        posterior: ``shared``: one free log σ a dimension for all x (STIB and VAE of the paper);
            ``head``: log σ(x) from the encoder (CVAE and CVIB).
        log_std_start: the free log σ at the first batch.
        condition_dim: columns of y that the decoder is given beside z.
        kl_weight: w_KL.
        x_weight: w_x.
        lambda_start: λ at the first batch.
        lambda_growth: factor λ grows by.
        lambda_every: batches between two such steps.
        lambda_max: largest λ; null for none.
        lr: learning rate of the model.
        lr_schedule: ``constant``, ``cosine`` or ``one_cycle``, for every player.
        optimizer: ``adam``, ``adamw`` or ``sgd``, of the model.
        weight_decay: of the model's optimiser.
        clip_norm: largest gradient norm of a player; null leaves gradients alone.
        kwargs: options of ``InvarianceModule``.

    Raises:
        ValueError: for a size, rate or growth out of range, or an unknown name.
    """

    def __init__(
        self,
        autoencoder: str = "mlp",
        autoencoder_options: dict[str, Any] | None = None,
        latent_dim: int = 3,
        posterior: str = "shared",
        log_std_start: float = 0.0,
        condition_dim: int = 0,
        kl_weight: float = 1.0,
        x_weight: float = 1.0,
        lambda_start: float = 1.0,
        lambda_growth: float = 1.0,
        lambda_every: int = 300,
        lambda_max: float | None = None,
        lr: float = 1e-4,
        lr_schedule: str = "constant",
        optimizer: str = "adam",
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if latent_dim < 1:
            raise ValueError(f"latent_dim must be at least 1, got {latent_dim}")
        if posterior not in ("shared", "head"):
            raise ValueError(f"posterior must be 'shared' or 'head', got {posterior!r}")
        self.growth = GeometricGrowth(lambda_start, lambda_growth, lambda_every, lambda_max)
        self.kl_weight, self.x_weight = kl_weight, x_weight
        self.condition_dim = condition_dim
        code_dim = latent_dim if posterior == "shared" else 2 * latent_dim
        self.autoencoder = build_named(
            "autoencoder",
            AUTOENCODERS,
            autoencoder,
            (code_dim, latent_dim + condition_dim),
            autoencoder_options or {},
        )
        self.candidates = self.autoencoder.candidates
        self.log_std: nn.Parameter | None = None
        if posterior == "shared":
            self.log_std = nn.Parameter(torch.full((latent_dim,), log_std_start))
        self._lr, self._schedule, self._clip_norm = lr, named_schedule(lr_schedule), clip_norm
        self._optimizer, self._weight_decay = optimizer, weight_decay

    # -- what a method adds ---------------------------------------------------------------------

    def split(self, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """The code that should not know Y, and the code that should; here all of z is z0."""
        return z, None

    def join(self, z0: Tensor, z1: Tensor | None, y: Tensor | None) -> Tensor:
        """What the decoder of X takes; the inverse of ``split``."""
        return z0 if z1 is None else torch.cat([z0, z1], 1)

    # -- parts of every step --------------------------------------------------------------------

    @property
    def weight(self) -> float:
        """λ at the current batch."""
        return self.growth(self.clock)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log σ of q(z|x), both ``(B, k)``."""
        code = self.autoencoder.encode(x)
        if self.log_std is not None:
            return code, self.log_std.expand_as(code)
        mean, log_var = code.chunk(2, 1)
        return mean, 0.5 * log_var

    def sample(self, mean: Tensor, log_std: Tensor) -> Tensor:
        """Z = μ + σ ε, ``(B, k)``."""
        return mean + log_std.exp() * self.noise(*mean.shape, dtype=mean.dtype)

    def reconstruction(self, z0: Tensor, z1: Tensor | None, x: Tensor, y: Tensor) -> Tensor:
        """Mean over the batch of −log p(x|z), up to constants."""
        return self.autoencoder.nll(self.join(z0, z1, y), x).mean()

    def compression(self, mean: Tensor, log_std: Tensor) -> Tensor:
        """w_KL / λ times the mean of KL(q(z|x) ‖ N(0, I)), in nats (STIB, eq. 2)."""
        return kl_standard_normal(mean, log_std).mean() * (self.kl_weight / self.weight)

    def model_player(self, *parts: nn.Module) -> Player:
        """The player that owns the autoencoder, the free log σ and ``parts``."""
        free = [] if self.log_std is None else [self.log_std]
        return Player(
            [self.autoencoder, *free, *parts],
            self._lr,
            self._schedule,
            self._optimizer,
            {"weight_decay": self._weight_decay},
            self._clip_norm,
        )

    def check_data(self, data: DataDescription) -> None:
        """Refuse inputs of another kind or shape than the networks were built for."""
        built, shape = self.autoencoder, self.autoencoder.x_shape
        if data.kind != built.kind or (data.kind == "vector" and data.x_shape != shape):
            raise ValueError(
                f"the data are {data.kind} of shape {data.x_shape}, the model was built for "
                f"{built.kind} of shape {shape}: change model.init_args.autoencoder_options"
            )
        if data.kind == "tokens":
            check_tokens(data, cast("Any", built), "autoencoder_options.")
        super().check_data(data)

    # -- evaluation -----------------------------------------------------------------------------

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """The posterior mean, split."""
        mean, _ = self.posterior(x)
        return self.split(mean.to(self.dtype))

    def decode(
        self,
        z0: Tensor,
        z1: Tensor | None,
        y: Tensor | None = None,
        mask: TokenMask | None = None,
    ) -> Tensor:
        """A likely input of the codes."""
        return self.autoencoder.decode(self.join(z0, z1, y), mask)

    def search(self, x: Tensor, z0: Tensor, z1: Tensor | None, y: Tensor | None = None) -> Tensor:
        """An input at least as near to the codes as the decoded ``x``."""
        return self.autoencoder.search(self.join(z0, z1, y), x)
