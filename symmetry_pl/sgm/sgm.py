"""SGM: prototypes of images or clouds, and the distribution over transformations in the data."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from symmetry_pl.core import (
    Batch,
    DataDescription,
    Length,
    Player,
    PlayerOptions,
    all_reduce_sum,
    world_size,
)
from symmetry_pl.core.phases import parse_length
from symmetry_pl.sgm.blur import gaussian_blur
from symmetry_pl.sgm.kernel_mixture import KernelMixture
from symmetry_pl.sgm.prototype_module import PrototypeModule
from symmetry_pl.sgm.self_supervision import self_supervision

_PART = 1000  # samples canonicalised at once


class SGM(PrototypeModule):
    r"""x = T_η(x̂): f(x) gives η and with it the prototype x̂; p(η | x̂) is a normalising flow.

    Of clouds of points p(η | x̂) is a mixture on their group (``KernelMixture``) in place of the
    flow, which is what ``flow`` below stands for.

    Training runs through two phases (Allingham et al., Algorithm 1):

    - ``ssl``: f learns that copies of an image have one prototype (``self_supervision``).
    - ``mle``: f rests; the flow maximises log p(η_x | x̂'), with η_x of the image as it is and
      x̂' the prototypes of random copies, so that p bears what f leaves unequal.

    The posterior of η may have a spread, one standard deviation a coordinate in units of the
    bounds, with an optimiser of its own; both phases then draw η from it.

    The players are ``inference`` (AdamW, 3e-4) and ``spread`` (Adam, 9e-3), with schedules over
    ``ssl``, and ``flow`` (AdamW, 3e-3), whose schedule runs over ``mle``: each warms up for a fifth
    of its phase, then half a cosine follows. ``ssl`` is half of the training unless ``phases`` says
    otherwise; 0 where f has nothing to learn.

    Args:
        copies: S, random copies an image in each phase.
        symmetric: whether the loss compares two copies (eq. 24) or a copy and the image (eq. 6).
        invertibility: weight of the invertibility loss (eq. 7); 0 leaves it out.
        spread: initial standard deviation of η's posterior; null for a deterministic f.
        blur: standard deviation in pixels of the blur at the start of training; 0 for none.
        blur_for: length in which it falls to 0, from the first batch on; a share is one of ``ssl``.
        consistency: weight of the mean difference between log p of the S prototypes, which the
            published code adds and the paper does not mention.
        mle_bounds: factor on the bounds of the copies in the second phase.
        kwargs: options of ``PrototypeModule``.

    Raises:
        ValueError: for a length, weight or name that makes no model.
    """

    phase_names = ("ssl", "mle")
    rest = "mle"
    default_phases: ClassVar[dict[str, Length]] = {"ssl": "50 %"}

    def __init__(
        self,
        copies: int = 5,
        symmetric: bool = True,
        invertibility: float = 0.1,
        spread: float | None = 0.01,
        blur: float = 0.0,
        blur_for: Length = "1 %",
        consistency: float = 0.0,
        mle_bounds: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _check(copies, invertibility, spread, blur, consistency, mle_bounds)
        parse_length(blur_for, "model.blur_for")
        self.copies, self.symmetric = copies, symmetric
        self.invertibility, self.consistency = invertibility, consistency
        self.blur, self.blur_for, self.mle_bounds = blur, blur_for, mle_bounds
        self.raw_spread: nn.Parameter | None = None
        self._first_spread = spread

    def check_data(self, data: DataDescription) -> None:
        """Refuse data that the group does not act on, and a blur of what is no image."""
        super().check_data(data)
        if self.blur and data.kind != "image":
            raise ValueError(
                f"model.blur is for images, and the data are {data.kind}s: set it to 0"
            )

    def configure_networks(self, data: DataDescription) -> None:
        """The networks, and the spread where there is one."""
        super().configure_networks(data)
        if self._first_spread is not None:
            start = torch.full((self.group.dim,), float(self._first_spread))
            self.raw_spread = nn.Parameter(start.expm1().log())

    # -- who plays, and when ---------------------------------------------------------------------

    def configure_players(self) -> dict[str, Player]:
        """The inference network, its spread where it has one, and the flow."""
        cosine: PlayerOptions = {"schedule": "cosine", "warmup": "20 %"}
        adamw: PlayerOptions = {"optimizer": "adamw", "weight_decay": 1e-4, **cosine}
        players: dict[str, Player] = {}
        if any(True for _ in self.inference.parameters()):
            slow: PlayerOptions = {"lr": 3e-4, "start": 0.01, "end": 1e-3, "clip_norm": 10.0}
            players["inference"] = Player([self.inference], {**adamw, **slow}, [("ssl",)])
        if self.raw_spread is not None:
            wide: PlayerOptions = {"lr": 9e-3, "start": 1 / 3, "end": 1 / 9}
            players["spread"] = Player([self.raw_spread], {**cosine, **wide}, [("ssl",)])
        fast: PlayerOptions = {"lr": 3e-3, "start": 0.1, "end": 0.03, "clip_norm": 2.0}
        players["flow"] = Player([self.generative], {**adamw, **fast}, [("mle",)])
        return players

    # -- training --------------------------------------------------------------------------------

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """One step of the phase's players."""
        if self.phase == "ssl":
            self._learn_prototypes(batch[0])
        else:
            self._learn_transformations(batch[0], batch[2] if len(batch) > 2 else None)

    def _learn_prototypes(self, x: Tensor) -> None:
        players = [name for name in self.players if name != "flow"]
        if not players:
            return
        width = self.blur * (1 - self.through(self.blur_for, "model.blur_for", "ssl"))
        x = gaussian_blur(x, width)
        second = self._random_elements(x, 1.0) if self.symmetric else None
        first = self._random_elements(x, 1.0)
        others = len(first) if self.symmetric else len(x)
        with self.turn(*players):
            terms = self_supervision(
                self.group,
                self.inference,
                x,
                first,
                second,
                self._perturbations(len(x), len(first), others),
                self.invertibility > 0,
            )
            loss = terms.mse + self.invertibility * terms.invertibility
            self.minimise(loss)
        if self.log_now:
            values: dict[str, Tensor | float] = {"loss": loss, "mse": terms.mse, "blur": width}
            if self.invertibility:
                values["invertibility"] = terms.invertibility
            if self.raw_spread is not None:
                values["spread"] = self.spread.mean()
            self.log_training(values, len(x))

    def _learn_transformations(self, x: Tensor, rows: Tensor | None) -> None:
        eta, prototypes = self._pairs(x)
        rows = None if rows is None else rows.repeat_interleave(self.copies)
        if not self.fitted:
            self._begin_flow(eta)
        with self.turn("flow"):
            log_prob = self.generative.training_log_prob(eta, prototypes, rows)
            log_prob = log_prob.view(len(x), self.copies)
            nll = -log_prob.mean()
            pairs = log_prob.unsqueeze(2) - log_prob.unsqueeze(1)
            disagreement = pairs.abs().sum((1, 2)).mean() / max(1, self.copies * (self.copies - 1))
            self.minimise(nll + self.consistency * disagreement)
        if self.log_now:
            self.log_training({"nll_eta": nll, "disagreement": disagreement}, len(x))

    @torch.no_grad()
    def _pairs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """η of the images and prototypes of random copies, ``(B · S, …)`` each."""
        was_training = self.inference.training
        self.inference.eval()
        repeated = x.repeat_interleave(self.copies, 0)
        perturbed = self._perturbations(len(x), len(repeated), len(repeated))
        if perturbed is None:
            eta = self.coordinates(self.inference(x)).repeat_interleave(self.copies, 0)
        else:
            eta = self.coordinates(self.inference(repeated, perturbed[0]))
        drawn = self._random_elements(x, self.mle_bounds)
        back = self.group.inverse(
            self.inference(
                self.group.apply(drawn, repeated), None if perturbed is None else perturbed[1]
            )
        )
        prototypes = self.group.apply(self.group.compose(drawn, back), repeated)
        self.inference.train(was_training)
        return eta, prototypes

    def _begin_flow(self, eta: Tensor) -> None:
        """Take location and scale of η from the first batch of all processes, where asked to."""
        self.fitted.fill_(True)
        if isinstance(self.generative, KernelMixture):
            self._remember(self.generative)
            return
        if not self.generative.wants_statistics:
            return
        moments = torch.stack([torch.ones_like(eta), eta, eta.square()]).double().sum(1)
        count, total, squares = all_reduce_sum(moments) if world_size() > 1 else moments
        mean = total / count
        self.generative.standardise(mean, (squares / count - mean.square()).clamp_min(0).sqrt())

    @torch.no_grad()
    def _remember(self, mixture: KernelMixture) -> None:
        """Give the mixture training samples, the same on every process."""
        batch = self.training_batch(mixture.memory)
        if batch is None or len(batch) < 3:
            raise ValueError(
                "generative kernels remember training samples and their row numbers: train with a "
                "datamodule"
            )
        x = batch[0].to(mixture.eta)
        found = [self.canonicalise(part) for part in torch.split(x, _PART)]
        eta = torch.cat([self.coordinates(element) for _, element in found])
        mixture.remember(eta, torch.cat([prototype for prototype, _ in found]), batch[2])

    # -- randomness ------------------------------------------------------------------------------

    @property
    def spread(self) -> Tensor:
        """Standard deviation of η's posterior, in units of the bounds."""
        assert self.raw_spread is not None
        return nn.functional.softplus(self.raw_spread)

    def _random_elements(self, x: Tensor, share: float) -> Tensor:
        noise = self.noise(len(x), self.copies * self.group.dim, dtype=x.dtype)
        uniform = torch.special.ndtr(noise).reshape(-1, self.group.dim)
        return self.group.element(self.group.from_uniform(0.5 + share * (uniform - 0.5)))

    def _perturbations(self, images: int, *rows: int) -> tuple[Tensor, Tensor] | None:
        """Noise on η, ``(rows, dim)`` each, the copies of an image side by side."""
        if self.raw_spread is None:
            return None
        one, two = (
            self.spread
            * self.noise(
                images, count // images * self.group.dim, dtype=self.raw_spread.dtype
            ).reshape(count, -1)
            for count in rows
        )
        return one, two


def _check(
    copies: int,
    invertibility: float,
    spread: float | None,
    blur: float,
    consistency: float,
    mle_bounds: float,
) -> None:
    if copies < 1:
        raise ValueError(f"copies must be at least 1, got {copies}")
    if spread is not None and spread <= 0:
        raise ValueError(f"spread must be positive, or null for none, got {spread}")
    for name, value in (
        ("invertibility", invertibility),
        ("blur", blur),
        ("consistency", consistency),
    ):
        if value < 0:
            raise ValueError(f"{name} must not be negative, got {value}")
    if not 0 < mle_bounds <= 1:
        raise ValueError(f"mle_bounds is a factor in (0, 1], got {mle_bounds}")
