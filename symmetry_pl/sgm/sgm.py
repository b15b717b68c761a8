"""SGM: prototypes of images, and the distribution over transformations that the data contain."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from symmetry_pl.core import (
    Phase,
    Player,
    all_reduce_sum,
    warmup_cosine,
    within,
    world_size,
)
from symmetry_pl.sgm.blur import blur_width, gaussian_blur
from symmetry_pl.sgm.prototype_module import PrototypeModule
from symmetry_pl.sgm.self_supervision import self_supervision


class SGM(PrototypeModule):
    r"""x = T_η(x̂): f(x) gives η and with it the prototype x̂; p(η | x̂) is a normalising flow.

    Training runs through two phases (Allingham et al., Algorithm 1):

    - ``ssl``: f learns that copies of an image have one prototype (``self_supervision``).
    - ``mle``: f rests; the flow maximises log p(η_x | x̂'), with η_x of the image as it is and
      x̂' the prototypes of random copies, so that p bears what f leaves unequal.

    The posterior of η may have a spread, one standard deviation a coordinate in units of the
    bounds, with an optimiser of its own; both phases then draw η from it.

    Args:
        ssl: share of training that is the first phase; 0 where f has nothing to learn.
        copies: S, random copies an image in each phase.
        symmetric: whether the loss compares two copies (eq. 24) or a copy and the image (eq. 6).
        invertibility: weight of the invertibility loss (eq. 7); 0 leaves it out.
        spread: initial standard deviation of η's posterior; null for a deterministic f.
        spread_lr: largest learning rate of the spread.
        blur: standard deviation in pixels of the blur at the start of training; 0 for none.
        blur_share: share of the first phase in which it falls to 0.
        consistency: weight of the mean difference between log p of the S prototypes, which the
            published code adds and the paper does not mention.
        mle_bounds: factor on the bounds of the copies in the second phase.
        lr: of f, largest.
        lr_start: factor at the start of the warm-up.
        lr_end: factor at the end of the phase.
        warmup: share of the phase.
        clip_norm: largest gradient norm of f.
        weight_decay: of f and the flow.
        flow_lr: of the flow, largest.
        flow_lr_start: factor at the start of the warm-up.
        flow_lr_end: factor at the end.
        flow_warmup: share of the second phase.
        flow_clip_norm: largest gradient norm of the flow.
        kwargs: options of ``PrototypeModule``.

    Raises:
        ValueError: for a share, weight or name that makes no model.
    """

    def __init__(
        self,
        ssl: float = 0.5,
        copies: int = 5,
        symmetric: bool = True,
        invertibility: float = 0.1,
        spread: float | None = 0.01,
        spread_lr: float = 9e-3,
        blur: float = 0.0,
        blur_share: float = 0.01,
        consistency: float = 0.0,
        mle_bounds: float = 1.0,
        lr: float = 3e-4,
        lr_start: float = 0.01,
        lr_end: float = 1e-3,
        warmup: float = 0.2,
        clip_norm: float | None = 10.0,
        weight_decay: float = 1e-4,
        flow_lr: float = 3e-3,
        flow_lr_start: float = 0.1,
        flow_lr_end: float = 0.03,
        flow_warmup: float = 0.2,
        flow_clip_norm: float | None = 2.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _check(ssl, copies, invertibility, spread, blur, blur_share, consistency, mle_bounds)
        self.ssl, self.copies, self.symmetric = ssl, copies, symmetric
        self.invertibility, self.consistency = invertibility, consistency
        self.blur, self.blur_share, self.mle_bounds = blur, blur_share, mle_bounds
        self._rates = {"inference": lr, "spread": spread_lr, "flow": flow_lr}
        self._schedules = {
            "inference": warmup_cosine(warmup, lr_end, lr_start),
            "spread": warmup_cosine(warmup, 1 / 9, 1 / 3),
            "flow": warmup_cosine(flow_warmup, flow_lr_end, flow_lr_start),
        }
        self._clip_norms = {"inference": clip_norm, "flow": flow_clip_norm}
        self._decay = {"weight_decay": weight_decay}
        self.raw_spread: nn.Parameter | None = None
        if spread is not None:
            start = torch.full((self.group.dim,), float(spread))
            self.raw_spread = nn.Parameter(start.expm1().log())

    # -- who plays, and when ---------------------------------------------------------------------

    def configure_phases(self) -> list[Phase]:
        """Self-supervision, then maximum likelihood."""
        first = [Phase("ssl", self.ssl)] if self.ssl else []
        return [*first, Phase("mle", 1.0)]

    def configure_players(self) -> dict[str, Player]:
        """The inference network, its spread where it has one, and the flow."""
        parts: dict[str, list[nn.Module | nn.Parameter]] = {}
        if any(True for _ in self.inference.parameters()):
            parts["inference"] = [self.inference]
        if self.raw_spread is not None:
            parts["spread"] = [self.raw_spread]
        parts["flow"] = [self.generative]
        return {
            name: Player(
                moved,
                self._rates[name],
                within(*((self.ssl, 1.0) if name == "flow" else (0.0, self.ssl or 1.0)), schedule),
                "adam" if name == "spread" else "adamw",
                None if name == "spread" else self._decay,
                self._clip_norms.get(name),
            )
            for name, moved in parts.items()
            for schedule in [self._schedules[name]]
        }

    # -- training --------------------------------------------------------------------------------

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One step of the phase's players."""
        if self.phase == "ssl":
            self._learn_prototypes(batch[0])
        else:
            self._learn_transformations(batch[0])

    def _learn_prototypes(self, x: Tensor) -> None:
        players = [name for name in self._players if name != "flow"]
        if not players:
            return
        width = blur_width(self.blur, self.blur_share, self.progress / self.ssl)
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

    def _learn_transformations(self, x: Tensor) -> None:
        eta, prototypes = self._pairs(x)
        if not self.fitted:
            self._begin_flow(eta)
        with self.turn("flow"):
            log_prob = self.generative.log_prob(eta, prototypes).view(len(x), self.copies)
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
        if not self.generative.wants_statistics:
            return
        moments = torch.stack([torch.ones_like(eta), eta, eta.square()]).double().sum(1)
        count, total, squares = all_reduce_sum(moments) if world_size() > 1 else moments
        mean = total / count
        self.generative.standardise(mean, (squares / count - mean.square()).clamp_min(0).sqrt())

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
    ssl: float,
    copies: int,
    invertibility: float,
    spread: float | None,
    blur: float,
    blur_share: float,
    consistency: float,
    mle_bounds: float,
) -> None:
    if not 0 <= ssl < 1:
        raise ValueError(f"ssl is the share of training that is the first phase, got {ssl}")
    if copies < 1:
        raise ValueError(f"copies must be at least 1, got {copies}")
    if spread is not None and spread <= 0:
        raise ValueError(f"spread must be positive, or null for none, got {spread}")
    if not 0 <= blur_share <= 1:
        raise ValueError(f"blur_share is a share of the first phase, got {blur_share}")
    for name, value in (
        ("invertibility", invertibility),
        ("blur", blur),
        ("consistency", consistency),
    ):
        if value < 0:
            raise ValueError(f"{name} must not be negative, got {value}")
    if not 0 < mle_bounds <= 1:
        raise ValueError(f"mle_bounds is a factor in (0, 1], got {mle_bounds}")
