"""p(η | x̂): how likely each transformation of a prototype is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from symmetry_pl.core.registry import build_named
from symmetry_pl.groups import ImageGroup
from symmetry_pl.nn.by_name import ENCODERS
from symmetry_pl.nn.flows.conditional_flow import ConditionalFlow

SCALES = ("bounds", "data")

_SMALLEST = 1e-6  # added to bounds, as published
_NARROWEST = 1e-3  # smallest scale taken from data, in units of the bounds


class GenerativeNetwork(nn.Module):
    r"""p(η | x̂), a conditional spline flow on features of the prototype (SGM, sec. 3.2, App. C.2).

    ``forward`` gives the features h(x̂), which one network extracts for all layers of the flow.
    Coordinates with a period are angles to it, see ``ConditionalFlow``.

    With the defaults, an image of 28 × 28 and five coordinates the network has 1 989 671
    parameters with ``edge_slopes``. The published 2 066 756 are the same network: its conditioners
    have 77 085 more that multiply masked zeros or make spline parameters that are thrown away.

    The encoder may run under autocast; the flow itself keeps the precision of its parameters.

    Args:
        group: whose coordinates η are.
        image_shape: ``(C, H, W)``.
        encoder: ``"mlp"`` on all pixels, as published, or ``"conv"``, three convolutions of stride
            2 before it; or the path of a class of ``(image_shape, widths, dropout)``.
        widths: units of the layers on the pixels (dense, GELU, layer norm, dropout each).
        dropout: share of units dropped in all networks, in training.
        layers: couplings of the flow.
        bins: of its splines.
        bound: where its splines end, in units of u = (η − loc) / scale.
        hidden: units of its conditioners' hidden layers.
        base_hidden: units of the hidden layers of its base.
        edge_slopes: whether splines go on beyond their bound with a learned slope, as published.
        scale: what u is measured by: the ``"bounds"`` of the group, as published, or the
            standard deviation of the ``"data"``, where coordinates may leave the bounds.
        squash: whether η stays within the bounds by a tanh (the paper's dSprites); angles need
            and have none.
        circular: whether coordinates with a period are angles; if not, they are numbers with two
            ends, as published.

    Raises:
        ValueError: for sizes or names that make no network.
    """

    def __init__(
        self,
        group: ImageGroup,
        image_shape: Sequence[int],
        encoder: str = "mlp",
        widths: Sequence[int] = (1024, 512, 256),
        dropout: float = 0.1,
        layers: int = 6,
        bins: int = 6,
        bound: float = 3.0,
        hidden: Sequence[int] = (256,),
        base_hidden: Sequence[int] = (128, 128),
        edge_slopes: bool = False,
        scale: str = "bounds",
        squash: bool = False,
        circular: bool = True,
    ) -> None:
        super().__init__()
        if scale not in SCALES:
            raise ValueError(f"scale must be one of {sorted(SCALES)}, got {scale!r}")
        if squash and scale != "bounds":
            raise ValueError("squash keeps η within the bounds: it needs scale: bounds")
        self.wants_statistics = scale == "data"
        self.noise_dim = group.dim
        sizes = (image_shape, widths, dropout)
        self.encoder = build_named("encoder", ENCODERS, encoder, sizes, {})
        self.flow = ConditionalFlow(
            group.dim,
            context=widths[-1],
            layers=layers,
            bins=bins,
            bound=bound,
            hidden=hidden,
            base_hidden=base_hidden,
            dropout=dropout,
            edge_slopes=edge_slopes,
            periods=group.periods if circular else None,
            loc=group.offset,
            # A coordinate that is never drawn has no bound to be measured by.
            scale=[half + _SMALLEST if half else 1.0 for half in group.bounds],
            squash=squash,
        )

    def forward(self, prototypes: Tensor) -> Tensor:
        """Features h ``(B, widths[-1])`` of prototypes ``(B, C, H, W)``."""
        features: Tensor = self.encoder(prototypes)
        return features

    def training_log_prob(self, eta: Tensor, prototypes: Tensor, rows: Tensor | None) -> Tensor:
        """``log_prob`` of what is trained on, whatever its rows of the training set."""
        return self.log_prob(eta, prototypes)

    def log_prob(self, eta: Tensor, prototypes: Tensor) -> Tensor:
        """Log p(η | x̂) in nats and units of η, ``(B,)``, of η ``(B, dim)``."""
        return self.flow.log_prob(eta, self(prototypes))

    def sample(self, noise: Tensor, prototypes: Tensor) -> Tensor:
        """η ``(B · S, dim)`` of p(η | x̂), a function of standard normal noise ``(B · S, dim)``.

        The first S rows are drawn for the first of B prototypes, the next for the second, and so
        on; each prototype is encoded once.
        """
        features = self(prototypes).repeat_interleave(len(noise) // len(prototypes), 0)
        return self.flow.sample(noise, features)

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Measure η by the data's mean and standard deviation, ``(dim,)`` each.

        A deviation below a thousandth of the scale so far, as of a coordinate that is constant,
        counts as that much.

        Raises:
            ValueError: for values that are not finite, or in a squashed flow.
        """
        floor = (_NARROWEST * self.flow.scale).to(deviation)
        self.flow.standardise(mean, torch.maximum(deviation, floor))
