"""The information bottleneck that STIB and its baselines share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from symmetry_pl.core import DataDescription, GeometricGrowth, Player
from symmetry_pl.core.registry import build_named, check_choice
from symmetry_pl.information import kl_standard_normal
from symmetry_pl.nn.by_name import AUTOENCODERS
from symmetry_pl.nn.token_mask import TokenMask
from symmetry_pl.stib.code import Code
from symmetry_pl.stib.invariance import InvarianceModule


class Bottleneck(InvarianceModule):
    r"""Encoder with a Gaussian posterior, decoder of X, and the growing weight λ.

    Every method of the family minimises

    .. math:: w_{KL}\, KL(q(z|x)\,\|\,N(0, I)) + \lambda\,(w_x\, L_x + \dots)

    (STIB, eqs. 1, 5 and 6) with λ growing geometrically (Algorithm 1, line 24), so that the
    compression fades. We divide the whole by λ: the minimiser is the same, and gradients keep
    their size. ``L_x`` is ‖x − x̂‖² for vectors and a cross-entropy for tokens.

    The player ``model`` (Adam, 1e-4) moves the autoencoder and what predicts.

    Args:
        autoencoder: name of the networks, see ``symmetry_pl.nn.autoencoder``; they take the sizes
            of the data.
        autoencoder_options: their options.
        latent_dim: k, dimensions of z.
        posterior: ``shared``: one free log σ a dimension for all x (STIB and VAE of the paper);
            ``head``: log σ(x) from the encoder (CVAE and CVIB).
        log_std_start: the free log σ at the first batch.
        kl_weight: w_KL.
        x_weight: w_x.
        lambda_start: λ at the first batch.
        lambda_growth: factor λ grows by.
        lambda_every: batches between two such steps.
        lambda_max: largest λ; null for none.
        kwargs: options of ``InvarianceModule``.

    Raises:
        ValueError: for a size, rate or growth out of range, or an unknown name.
    """

    def __init__(
        self,
        autoencoder: str = "mlp",
        autoencoder_options: dict[str, Any] | None = None,
        latent_dim: int = 3,
        posterior: Literal["shared", "head"] = "shared",
        log_std_start: float = 0.0,
        kl_weight: float = 1.0,
        x_weight: float = 1.0,
        lambda_start: float = 1.0,
        lambda_growth: float = 1.0,
        lambda_every: int = 300,
        lambda_max: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if latent_dim < 1:
            raise ValueError(f"latent_dim must be at least 1, got {latent_dim}")
        check_choice("posterior", posterior, ("shared", "head"))
        if kl_weight < 0 or x_weight < 0:
            raise ValueError("kl_weight and x_weight must not be negative")
        self.growth = GeometricGrowth(lambda_start, lambda_growth, lambda_every, lambda_max)
        self.kl_weight, self.x_weight = kl_weight, x_weight
        self.latent_dim, self.log_std_start = latent_dim, log_std_start
        self._autoencoder = (autoencoder, autoencoder_options or {})
        self.log_std: nn.Parameter | None = None
        self._free_spread = posterior == "shared"

    # -- networks -------------------------------------------------------------------------------

    def configure_networks(self, data: DataDescription) -> None:
        """The autoencoder, at the data's sizes, and the free log σ."""
        name, options = self._autoencoder
        code_dim = self.latent_dim if self._free_spread else 2 * self.latent_dim
        told = len(data.target_names) if self.needs_targets else 0
        x_sizes = data.x_shape if data.kind == "vector" else (*data.x_shape, len(data.symbols))
        sizes = (code_dim, self.latent_dim + told, *x_sizes)
        self.autoencoder = build_named("autoencoder", AUTOENCODERS, name, sizes, options)
        self.candidates = self.autoencoder.candidates
        if self._free_spread:
            self.log_std = nn.Parameter(torch.full((self.latent_dim,), self.log_std_start))

    def check_data(self, data: DataDescription) -> None:
        """Refuse inputs of another kind than the networks are for."""
        super().check_data(data)
        name = self._autoencoder[0]
        kind = getattr(AUTOENCODERS.get(name), "kind", data.kind)
        if data.kind != kind or (kind == "vector" and len(data.x_shape) != 1):
            fitting = [key for key, network in AUTOENCODERS.items() if network.kind == data.kind]
            raise ValueError(
                f"the data are {data.kind} of shape {data.x_shape}, and the autoencoder {name!r} "
                f"is for {kind}: set model.autoencoder to one of {fitting}"
            )

    # -- what a method adds ---------------------------------------------------------------------

    def split(self, z: Tensor) -> Code:
        """The code that should not know Y, and the code that should; here all of z is z0."""
        return Code(z)

    def join(self, code: Code) -> Tensor:
        """What the decoder of X takes; the inverse of ``split``."""
        return code.z0 if code.z1 is None else torch.cat([code.z0, code.z1], 1)

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

    def reconstruction(self, code: Code, x: Tensor) -> Tensor:
        """Mean over the batch of −log p(x|z), up to constants."""
        return self.autoencoder.nll(self.join(code), x).mean()

    def divergence(self, mean: Tensor, log_std: Tensor) -> Tensor:
        """Mean of KL(q(z|x) ‖ N(0, I)), in nats (STIB, eq. 2)."""
        return kl_standard_normal(mean, log_std).mean()

    def compression(self, divergence: Tensor) -> Tensor:
        """w_KL / λ times the divergence."""
        return divergence * (self.kl_weight / self.weight)

    def model_player(self, *parts: nn.Module, legs: Sequence[Sequence[str]] = ()) -> Player:
        """The player that owns the autoencoder, the free log σ and ``parts``."""
        free = [] if self.log_std is None else [self.log_std]
        options: Any = {"lr": 1e-4, "optimizer": "adam", "weight_decay": 0.0}
        return Player([self.autoencoder, *free, *parts], options, legs)

    # -- evaluation -----------------------------------------------------------------------------

    def encode(self, x: Tensor) -> Code:
        """The posterior mean, split."""
        mean, _ = self.posterior(x)
        return self.split(mean.to(self.dtype))

    def decode(self, code: Code, mask: TokenMask | None = None) -> Tensor:
        """A likely input of the codes."""
        return self.autoencoder.decode(self.join(code), mask)

    def search(self, x: Tensor, code: Code) -> Tensor:
        """An input at least as near to the codes as the decoded ``x``."""
        return self.autoencoder.search(self.join(code), x)
