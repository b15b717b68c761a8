"""LensDomain: the grid behind scrambled pixels, and a stencil that says how well it fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor, nn

from symmetry_pl.core import DataDescription, Player, PlayerOptions
from symmetry_pl.core.noise import mix_seed
from symmetry_pl.core.registry import check_choice
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domain_evaluation import DomainEvaluator
from symmetry_pl.lens.domains.axes import packed, unpacked
from symmetry_pl.lens.domains.channels import (
    MOST_CHANNELS,
    FoundChannels,
    each_channel,
    find_channels,
)
from symmetry_pl.lens.domains.find import EVIDENCE, FoundDomain, find_domain, translations
from symmetry_pl.lens.domains.layer import DomainLayer
from symmetry_pl.lens.domains.mixed import (
    WAYS,
    FoundMixedDomain,
    carried,
    find_mixed_domain,
)
from symmetry_pl.lens.generator_module import GeneratorModule

__all__ = ["LensDomain"]

_WRITTEN = 784  # inputs up to which generators are written beside predictions


class LensDomain(GeneratorModule):
    r"""The hidden domain of vectors whose pixels are in a secret order, and its translations.

    Before the first batch ``find_domain`` puts the pixels on a lattice, a torus, a cylinder, a ring
    or a chain, none of which is given, and says whether there is one and whether the law is
    stationary along it; where pixels are rotated, ``find_mixed_domain`` does. Each batch then moves
    one *stencil* down

    .. math:: \min_w\; E \Bigl( y_a - \sum_{0 < |e|_\infty \le r} w_e\, y_{a+e} \Bigr)^2

    over the cells a of standardised images y: a pixel from its neighbours, by weights that are the
    same everywhere. What it leaves open on new samples is ``stencil_error``: 1 for pixels in
    disorder, the less the more local and stationary the law is along what was found.

    One player, ``stencil``.

    Args:
        radius: r of the stencil, in cells.
        mixing: ``permutation`` if inputs are pixels in another order; ``orthogonal`` if they are
            pixels behind a rotation, ``linear`` behind any matrix that can be inverted, which is
            undone first (``find_mixed_domain``): of pixels that are never negative, or have two
            values.
        channels: inputs to a place, such as 3 of colour images or 8 of the bits of grey values, all
            in one secret order; at most 16.
        kwargs: options of ``SymmetryModule``.

    Raises:
        ValueError: for an option that makes no model, or data that it cannot learn from.
    """

    painter: ClassVar[str] = "symmetry_pl.lens.painter:DomainPainter"
    headline: ClassVar[tuple[str, ...]] = ("exact_places", "generator_cosine", "stencil_error")

    def __init__(
        self,
        radius: int = 2,
        mixing: Literal["permutation", "orthogonal", "linear"] = "permutation",
        channels: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("model.mixing", mixing, ("permutation", "orthogonal", "linear"))
        if radius < 1:
            raise ValueError(f"model.radius must be at least 1, got {radius}")
        if not 1 <= channels <= MOST_CHANNELS:
            raise ValueError(f"model.channels must be 1 to {MOST_CHANNELS}, got {channels}")
        if channels > 1 and mixing != "permutation":
            raise ValueError(f"model.channels {channels} needs model.mixing permutation")
        self.radius = radius
        self.mixing = mixing
        self.channels = channels
        self.places: Tensor
        self.half_places: Tensor
        self.axes: Tensor
        self.half_axes: Tensor
        self.grown: Tensor
        self.live: Tensor
        self.evidence: Tensor
        self.bases: Tensor
        self.way: Tensor
        self.groups: Tensor
        self.centre: Tensor
        self.scale: Tensor

    # -- networks, players and figures -----------------------------------------------------------

    def check_data(self, data: DataDescription) -> None:
        """Refuse samples that are no multiple of the channels."""
        super().check_data(data)
        if data.x_shape[0] % self.channels:
            raise ValueError(
                f"model.channels is {self.channels}, and samples have {data.x_shape[0]} numbers, "
                "which is no multiple of it"
            )

    def configure_networks(self, data: DataDescription) -> None:
        """Room for what is found before the first batch, and the stencil."""
        dim, width = data.x_shape[0], 2 * self.radius + 1
        count = dim // self.channels
        self.register_buffer("places", torch.arange(count))
        self.register_buffer("half_places", torch.arange(count).repeat(2, 1))
        self.register_buffer("grown", torch.full((count,), -1))
        self.register_buffer("axes", packed(Domain.line(count)))
        self.register_buffer("half_axes", self.axes.repeat(2, 1, 1))
        self.register_buffer("live", torch.ones(count, dtype=torch.bool))
        groups = torch.arange(dim).view(count, self.channels)
        self.register_buffer("groups", groups[: count if self.channels > 1 else 0])
        self.register_buffer("evidence", torch.full((len(EVIDENCE),), torch.nan).double())
        bases = 3 if self.mixed else 0  # of all samples, and of either half
        self.register_buffer("bases", torch.eye(dim, dtype=torch.float64).repeat(bases, 1, 1))
        self.register_buffer("way", torch.zeros(int(self.mixed), dtype=torch.int64))
        self.register_buffer("centre", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))
        self.stencil = nn.Parameter(torch.zeros(1, 1, width, width))

    def configure_players(self) -> dict[str, Player]:
        """The stencil."""
        options = PlayerOptions(lr=1e-2, schedule="cosine", end=0.0)
        return {"stencil": Player([self.stencil], options)}

    def configure_evaluator(self, stage: Literal["val", "test"]) -> DomainEvaluator:
        """What the stencil leaves open, what the verdicts rest on, and figures of the truth."""
        return DomainEvaluator()

    # -- what was found ----------------------------------------------------------------------------

    @property
    def mixed(self) -> bool:
        """Whether inputs are mixtures of pixels."""
        return self.mixing != "permutation"

    @property
    def domain(self) -> Domain:
        """The cells that were found; before a fit a chain."""
        return unpacked(self.axes)

    def found(self) -> FoundDomain:
        """Places and verdicts, on the CPU; of groups of inputs where places have several.

        Raises:
            ValueError: before a fit.
        """
        if not torch.isfinite(self.evidence).all():
            raise ValueError("a LensDomain has found nothing before a fit")
        figures = dict(zip(EVIDENCE, self.evidence.tolist(), strict=True))
        first, second = (unpacked(axes) for axes in self.half_axes)
        parts: dict[str, Any] = {
            "places": self.places.cpu(),
            "live": self.live.cpu(),
            "domain": self.domain,
            "halves": self.half_places.cpu(),
            "half_domains": (first, second),
            "figures": figures,
        }
        if not self.mixed:
            return FoundDomain(**parts)
        bases, way = self.bases.cpu(), WAYS[int(self.way)]
        return FoundMixedDomain(**parts, basis=bases[0], half_bases=bases[1:], way=way)

    @property
    def members(self) -> Tensor:
        """Inputs of each place in the order of their channels, ``(m, k)``, on the CPU."""
        return self.groups.cpu() if len(self.groups) else torch.arange(len(self.places))[:, None]

    def generators(self, backward: bool = False) -> Tensor:
        """The translations along the axes, or against them, ``(g, d, d)``."""
        found = translations(self.places.cpu(), self.domain)
        if backward:
            found = found.mT
        if self.channels > 1:
            found = each_channel(found, self.members)
        if self.mixed:
            found = carried(found, self.bases[0].cpu())
        return found.to(self.stencil)

    def as_layer(self, size: Sequence[int] | None = None, trainable: bool = False) -> DomainLayer:
        """A module that turns scrambled vectors into images, to put any network behind.

        Args:
            size: shape of the images, if larger than what was found.
            trainable: whether its weights move.

        Returns:
            A ``DomainLayer`` on the device of the model.
        """
        basis = self.bases[0].float().cpu() if self.mixed else None
        return self._layer(size, trainable, basis).to(self.device)

    def _layer(
        self,
        size: Sequence[int] | None = None,
        trainable: bool = False,
        basis: Tensor | None = None,
    ) -> DomainLayer:
        return DomainLayer(self.places.cpu(), self.domain, size, trainable, basis, self.members)

    def learned(self) -> dict[str, Tensor]:
        """Places, shape and stencil, and the generators of up to 784 inputs."""
        found = {
            "places": self.places,
            "half_places": self.half_places,
            "shape": torch.tensor([length for length, _ in self.domain.axes]),
            "stencil": self.stencil.detach(),
        }
        if self.mixed:
            found["basis"] = self.bases[0]
        if len(self.groups):
            found["groups"] = self.groups
        return found | (super().learned() if self.dim <= _WRITTEN else {})

    def verdict(self, figures: dict[str, float]) -> str | None:
        """Both verdicts, in words, and why."""
        if not torch.isfinite(self.evidence).all():
            return None
        found = self.found()
        return "; ".join(
            f"{one.name}: {one.because}" for one in (found.verdict, found.stationarity)
        )

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Row numbers and the images' pixels in order."""
        return {"row": batch[2], "representation": self.as_layer()(batch[0]).flatten(1)}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """What a SymmetryModule restores; older checkpoints do not say how a lattice grew."""
        weights = checkpoint["state_dict"]
        weights.setdefault("grown", torch.full_like(weights["places"], -1))
        super().on_load_checkpoint(checkpoint)

    # -- before the first batch ------------------------------------------------------------------

    def on_fit_start(self) -> None:
        """Find the domain in the training set."""
        if not self.batches_seen:
            self.adopt(self.training_signals())

    def adopt(self, x: Tensor) -> None:
        """Find the domain of samples ``(n, d)``."""
        # numbers may differ between machines: one process decides
        found = self.trainer.strategy.broadcast(self._search(x.cpu()))
        if isinstance(found, FoundChannels):
            self.groups.copy_(found.groups)
            rank_zero_info(
                f"channels: two halves of the data group {100 * found.alike:.1f} % of inputs alike "
                f"and give {100 * found.channels_alike:.1f} % the same channel"
            )
            found = found.judged_grid
        self.places.copy_(found.places)
        self.half_places.copy_(found.halves)
        if found.grown is not None:
            self.grown.copy_(found.grown)
        self.axes.copy_(packed(found.domain))
        self.half_axes.copy_(torch.stack([packed(one) for one in found.half_domains]))
        self.live.copy_(found.live)
        self.evidence.copy_(torch.tensor([found.figures[name] for name in EVIDENCE]))
        if isinstance(found, FoundMixedDomain):
            self.bases.copy_(torch.cat([found.basis[None], found.half_bases]))
            self.way.fill_(WAYS.index(found.way))
            rank_zero_info(f"unmixed by {found.way} components")
            x = x @ found.basis.T.to(x)
        self.centre.copy_(x.mean(0))
        deviation = x.std(0)
        self.scale.copy_(torch.where(deviation > 0, deviation, 1.0))
        shape = " x ".join(str(length) for length, _ in found.domain.axes)
        verdict, stationarity = found.verdict, found.stationarity
        rank_zero_info(f"{verdict.name} of {shape}: {verdict.because}")
        rank_zero_info(f"{stationarity.name}: {stationarity.because}")
        if not verdict.found:
            rank_zero_warn(
                f"no hidden domain was found ({verdict.name}): places and generators mean nothing; "
                "try more samples, and see that model.mixing says what happened to the pixels"
            )

    def _search(self, x: Tensor) -> FoundDomain | FoundChannels:
        if self.channels > 1:
            return find_channels(x, self.channels)
        if self.mixing == "permutation":
            return find_domain(x)
        return find_mixed_domain(x, mix_seed(self.noise_seed or 0, 0) % 2**31, self.mixing)

    # -- one step --------------------------------------------------------------------------------

    def standardised(self, x: Tensor) -> Tensor:
        """Images ``(B, k, H, W)`` of vectors, each pixel less its mean, by its deviation."""
        return self._images(self._layer().to(x.device), x)

    def _images(self, layer: DomainLayer, x: Tensor) -> Tensor:
        components = x @ self.bases[0].T.to(x) if self.mixed else x
        images: Tensor = layer((components - self.centre) / self.scale)
        return images if images.ndim == 4 else images[:, :, None]

    def unexplained(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Sums over pixels of squares: what the stencil leaves open, and all, ``(B,)`` each."""
        layer = self._layer().to(x.device)
        images = self._images(layer, x)
        missing = images - self._predicted(images)
        return (missing.square() * layer.taken).sum((1, 2, 3)), images.square().sum((1, 2, 3))

    def _predicted(self, images: Tensor) -> Tensor:
        """Each pixel from its neighbours of its channel; rings go on at the other end."""
        images = images.flatten(0, 1)[:, None]
        weights = self.stencil.clone()
        weights[..., self.radius, self.radius] = 0.0
        padding = [self.radius, self.radius]
        for axis, (length, topology) in enumerate(reversed(self.domain.axes), 1):
            if topology == "ring":
                around = torch.arange(-self.radius, length + self.radius, device=images.device)
                images = images.index_select(-axis, around % length)
                padding[-axis] = 0
        predicted: Tensor = F.conv2d(images, weights, padding=padding)
        return predicted.view(-1, self.channels, *predicted.shape[2:])

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One step of the stencil."""
        with self.turn("stencil"):
            open_, _ = self.unexplained(batch[0])
            loss = open_.mean() / ((self.places >= 0).sum() * self.channels)
            self.minimise(loss)
        if self.log_now:
            self.log_training({"stencil_error": loss}, len(batch[0]))
