"""VAE, AugVAE and InvVAE: what a trained SGM is worth to a generative model of images."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from symmetry_pl.core import (
    Batch,
    DataDescription,
    Player,
    PlayerOptions,
    SymmetryModule,
    all_reduce_sum,
)
from symmetry_pl.core.registry import build_named, check_choice
from symmetry_pl.nn.by_name import IMAGE_AUTOENCODERS
from symmetry_pl.sgm.augmentation import hand_chosen, resampled, uniform_elements
from symmetry_pl.sgm.frozen import FRAME_ALONE, FrozenSGM
from symmetry_pl.sgm.gaussian_vae import GaussianVAE
from symmetry_pl.sgm.known_orbits import KnownOrbits, Orbit, orbit_of
from symmetry_pl.sgm.posed_vae import PosedVAE, PoseNoise
from symmetry_pl.sgm.prototype_module import PrototypeModule
from symmetry_pl.sgm.sgm import SGM
from symmetry_pl.sgm.vae_evaluation import VAEEvaluator

__all__ = ["ImageVAE"]

_FIRST_SPREAD = 0.01
_FAST: PlayerOptions = {"lr": 3e-2, "warmup": "5 %", "end": 0.01, "clip_norm": None}
"""A few hundred steps find a scale; the publication has no such player."""


class ImageVAE(SymmetryModule):
    r"""A VAE of images with what an SGM knows of their symmetry (Allingham et al., section 4.2).

    .. math:: p(x) = \int p(z)\, N\bigl(x; \mu(z), \sigma^2\bigr)\, dz

    - ``none``: the VAE.
    - ``augment``, AugVAE: it is trained on images that were moved along their orbits, drawn anew in
      each batch: by the SGM, or by transformations chosen by hand (``augment``). It is the VAE
      afterwards.
    - ``invariant``, InvVAE: a VAE of prototypes; an image is its prototype, moved (``PosedVAE``).

    What is minimised is −ELBO. An InvVAE is a model of prototypes (``space: prototype``, as
    published) or of images (``image``); figures of either are given, and those of images are the
    ones to compare with other models of images.

    The players are ``model`` (networks and prior), ``noise`` (σ) and, in an InvVAE, ``pose`` (σ_x
    and the spread of q(η | x), which make the bound of images as tight as they can in any case).

    Args:
        symmetry: what the model does with the SGM.
        sgm: checkpoint of a trained SGM, which is saved with the model; options of one that has
            learned nothing; or null: of moments alone for an InvVAE, none for others.
        draws: whether an AugVAE draws from p(η | x̂), or uniformly within the bounds of the group.
        augment: half widths of random affine transformations by coordinate, such as
            ``{rotation: 3.14}``, for an AugVAE without an SGM.
        space: whose ELBO an InvVAE maximises.
        network: ``conv`` (the paper's), ``mlp``, or the path of your own ``ImageAutoencoder``.
        network_options: its options.
        latent_dim: columns of a code.
        pose_every: batches between two steps of ``pose`` where it is not the space that is trained.
        standardise: whether the decoder gives pixels in units of their deviation in the first
            batch, see ``GaussianVAE``; the publication has no such thing.
        importance_samples: K of the bounds of a test; 0 for none.
        importance_images: images they are taken over, the first of the test set.
        kwargs: options of ``SymmetryModule``.

    Raises:
        ValueError: for options that make no model, or a file that holds no SGM.
        FileNotFoundError: if there is no such file.
    """

    painter: ClassVar[str] = "symmetry_pl.sgm.painter:VAEPainter"
    headline = ("elbo", "mse_x", "iwlb")

    def __init__(
        self,
        symmetry: Literal["none", "augment", "invariant"] = "none",
        sgm: str | dict[str, Any] | None = None,
        draws: Literal["learned", "uniform"] = "learned",
        augment: dict[str, float] | None = None,
        space: Literal["prototype", "image"] = "prototype",
        network: str = "conv",
        network_options: dict[str, Any] | None = None,
        latent_dim: int = 20,
        pose_every: int = 1,
        standardise: bool = False,
        importance_samples: int = 300,
        importance_images: int = 1000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("model.symmetry", symmetry, ("none", "augment", "invariant"))
        check_choice("model.draws", draws, ("learned", "uniform"))
        check_choice("model.space", space, ("prototype", "image"))
        if symmetry == "augment" and (sgm is None) == (augment is None):
            raise ValueError(
                "an AugVAE needs model.sgm, a trained SGM, or model.augment, and not both"
            )
        if augment is not None and symmetry != "augment":
            raise ValueError("model.augment is for model.symmetry augment")
        if sgm is not None and symmetry == "none":
            raise ValueError("model.symmetry is none: leave out model.sgm, or set augment")
        if importance_samples < 0 or importance_images < 1:
            raise ValueError(
                "model.importance_samples must be at least 0 and model.importance_images at least "
                f"1, got {importance_samples} and {importance_images}"
            )
        self.symmetry, self.learned_draws, self.space = symmetry, draws == "learned", space
        self.moves = None if augment is None else hand_chosen(augment)
        if min(pose_every, latent_dim) < 1:
            raise ValueError(
                "model.pose_every and model.latent_dim must be at least 1, got "
                f"{pose_every} and {latent_dim}"
            )
        self.latent_dim, self.standardise, self.pose_every = latent_dim, standardise, pose_every
        self._network = (network, network_options or {})
        self._frozen: FrozenSGM | None = None
        if symmetry == "invariant" or sgm is not None:
            self._frozen = FrozenSGM(FRAME_ALONE if sgm is None else sgm)
            self.hparams["sgm"] = self._frozen.options  # a checkpoint needs no other file
        self.sgm: PrototypeModule | None = None
        self._known: KnownOrbits | None = None  # of training images, which do not change

    # -- networks --------------------------------------------------------------------------------

    def check_data(self, data: DataDescription) -> None:
        """Refuse what is no image, or one of another shape than the SGM knows."""
        if data.kind != "image":
            raise ValueError(
                f"the data are {data.kind} of shape {data.x_shape}, and {type(self).__name__} is "
                "for images"
            )
        if self._frozen is not None:
            self._frozen.check_data(data)
        if self.moves is not None:
            channels, height, width = data.x_shape
            self.moves.check_images((channels, height, width))

    def configure_networks(self, data: DataDescription) -> None:
        """The VAE, the SGM as it is, and the noise of poses."""
        name, options = self._network
        sizes = (data.x_shape, self.latent_dim)
        networks = build_named("network", IMAGE_AUTOENCODERS, name, sizes, options)
        self.vae = GaussianVAE(networks, self.latent_dim, data.x_shape)
        if self._frozen is not None:
            self.sgm = self._frozen.build(data)
        if self.symmetry == "invariant":
            assert self.sgm is not None
            spread: float | Tensor = _FIRST_SPREAD
            if isinstance(self.sgm, SGM) and self.sgm.raw_spread is not None:
                spread = self.sgm.spread.detach()
            self.pose_noise = PoseNoise(self.sgm.group, data.x_shape, spread)

    def configure_players(self) -> dict[str, Player]:
        """Networks and prior, the noise of pixels, and the noise of poses."""
        vae = self.vae
        common: PlayerOptions = {"schedule": "cosine", "warmup": "15 %", "start": 0.03}
        common |= {"lr": 3e-3, "end": 1e-4, "clip_norm": 2.0}
        parts: list[nn.Module | nn.Parameter] = [vae.networks, vae.prior_mean, vae.raw_prior_scale]
        players = {"model": Player(parts, common), "noise": Player([vae.raw_noise], common)}
        if self.symmetry == "invariant":
            players["pose"] = Player([self.pose_noise], {**common, **_FAST})
        return players

    def configure_evaluator(self, stage: Literal["val", "test"]) -> VAEEvaluator:
        """Bounds of log p, and errors of reconstructions."""
        samples, images = (self.hparams[f"importance_{name}"] for name in ("samples", "images"))
        return VAEEvaluator(samples, images)

    @property
    def posed(self) -> PosedVAE:
        """An InvVAE as a density of images."""
        assert self.sgm is not None
        return PosedVAE(self.vae, self.sgm, self.pose_noise)

    def train(self, mode: bool = True) -> ImageVAE:
        """Set the mode of all but the SGM, which stays as it was trained."""
        super().train(mode)
        if self.sgm is not None:
            self.sgm.eval()
        return self

    # -- training --------------------------------------------------------------------------------

    def on_train_start(self) -> None:
        """Refuse draws from a flow that has seen no data, before the first batch."""
        super().on_train_start()
        drawn = self.symmetry == "augment" and self.moves is None and self.learned_draws
        if drawn and self.sgm is not None and not self.sgm.fitted:
            raise ValueError(
                "model.sgm: its p(η | x̂) was not trained: train it through its phase mle, or set "
                "model.draws uniform"
            )
        if self.sgm is not None:
            self._known = KnownOrbits.of_training(self.sgm, self.trainer)

    def on_train_end(self) -> None:
        """Forget the orbits of training images."""
        self._known = None

    def _orbit(self, batch: Batch) -> Orbit:
        """Where the images of a training batch stand on their orbits."""
        assert self.sgm is not None
        return orbit_of(self.sgm, batch[0]) if self._known is None else self._known(batch[2])

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """One step of all players."""
        if self.symmetry == "invariant":
            self._learn_prototypes(batch)
            return
        x = self._augmented(batch)
        if self.standardise and not self.batches_seen:
            self.vae.standardise(*_moments(x))
        noise = self.noise(len(x), self.latent_dim, dtype=x.dtype)
        with self.turn("model", "noise"):
            elbo = self.vae.log_weights(x, noise[None]).mean()
            self.minimise(-elbo)
        if self.log_now:
            self.log_training({"elbo": elbo}, len(x))

    def _learn_prototypes(self, batch: Batch) -> None:
        """A step of each ELBO by the players that it is of; the networks follow one of them."""
        posed, x, orbit = self.posed, batch[0], self._orbit(batch)
        group = posed.sgm.group
        pose = posed.sgm.coordinates(orbit.element)
        if self.standardise and not self.batches_seen:
            posed.vae.standardise(*_moments(group.apply(group.inverse(orbit.element), x)))
            posed.noise.standardise(_moments(x)[1])
        found: dict[str, Tensor | float] = {}
        for space, name, player, weight in (
            ("prototype", "elbo_prototype", "noise", posed.code_log_weight),
            ("image", "elbo", "pose", posed.image_log_weight),
        ):
            if space != self.space and self.batches_seen % self.pose_every:
                continue
            noise = self.noise(len(x), self.noise_columns, dtype=x.dtype)
            with self.turn(player, *(["model"] if space == self.space else [])):
                found[name] = elbo = weight(posed.draw(x, pose, noise)).mean()
                self.minimise(-elbo)
        if self.log_now:
            self.log_training(found, len(x))

    @torch.no_grad()
    def _augmented(self, batch: Batch) -> Tensor:
        x = batch[0]
        if self.symmetry == "none":
            return x
        if self.moves is not None:
            noise = self.noise(len(x), self.moves.dim, dtype=x.dtype)
            return self.moves.apply(uniform_elements(self.moves, noise), x)
        assert self.sgm is not None
        noise = self.noise(len(x), self.sgm.group.dim, dtype=x.dtype)
        return resampled(self.sgm, x, self._orbit(batch), noise, self.learned_draws)

    # -- what the model says ---------------------------------------------------------------------

    @property
    def noise_columns(self) -> int:
        """Numbers that one draw of the latent variables takes."""
        poses = self.sgm.group.dim if self.symmetry == "invariant" and self.sgm is not None else 0
        return poses + self.latent_dim

    @property
    def bound_names(self) -> tuple[str, ...]:
        """What ``log_weights`` gives: of images, and of an InvVAE as published, of prototypes."""
        return ("", "_prototype") if self.symmetry == "invariant" else ("",)

    def log_weights(self, x: Tensor, noise: Tensor) -> Tensor:
        """Log weights of draws of the latent variables.

        Args:
            x: images ``(B, C, H, W)``.
            noise: standard normal ``(K, B, noise_columns)``.

        Returns:
            ``(K, B, n)``, one column each of ``bound_names``.
        """
        if self.symmetry != "invariant":
            return self.vae.log_weights(x, noise)[..., None]
        posed, copies = self.posed, len(noise)
        pose = posed.pose(x).repeat(copies, 1)
        draw = posed.draw(x.repeat(copies, 1, 1, 1), pose, noise.flatten(0, 1))
        weights = [posed.image_log_weight(draw), posed.prototype_log_weight(draw)]
        return torch.stack(weights, -1).view(copies, len(x), -1)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Images ``(B, C, H, W)`` of the posterior's means, where x was."""
        return (
            self.posed.reconstruct(x) if self.symmetry == "invariant" else self.vae.reconstruct(x)
        )

    def sample(self, noise: Tensor) -> Tensor:
        """Means of new images, a function of standard normal noise ``(B, noise_columns)``."""
        if self.symmetry != "invariant":
            return self.vae.sample(noise)
        assert self.sgm is not None
        group = self.sgm.group
        prototypes = self.vae.sample(noise[:, group.dim :])
        return group.apply(self.sgm.sample_elements(prototypes, noise[:, : group.dim]), prototypes)

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Row numbers, means of codes, and reconstructions; of an InvVAE also η."""
        x = batch[0]
        found = {"row": batch[2]}
        if self.symmetry == "invariant":
            assert self.sgm is not None
            seen, element = self.sgm.canonicalise(x)
            found["eta"] = self.sgm.coordinates(element)
        else:
            seen = x
        code = self.vae.posterior(seen)[0]
        return {**found, "representation": code, "reconstruction": self.reconstruct(x)}

    def column_names(self) -> dict[str, Any]:
        """Those of η are the names of the group's coordinates."""
        invariant = self.symmetry == "invariant" and self.sgm is not None
        return {"eta": self.sgm.group.names} if invariant and self.sgm is not None else {}


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation ``(C, H, W)`` of the pixels of the global batch."""
    moments = torch.stack([torch.ones_like(x), x, x.square()]).detach().double().sum(1)
    count, total, squares = all_reduce_sum(moments)
    mean = total / count
    deviation = (squares / count - mean.square()).clamp_min(0).sqrt()
    return mean.to(x), deviation.to(x)
