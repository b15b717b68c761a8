"""Networks f(x) that say how an image, or a cloud of points, came from its prototype."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from symmetry_pl.groups import Group
from symmetry_pl.nn.feature_mlp import FeatureMLP


class InferenceNetwork(nn.Module):
    """f: samples x to elements ``(B, …)`` with x = T_{f(x)} of the prototype.

    Samples are images ``(B, C, H, W)`` in [−1, 1], or clouds ``(B, n, d)``, NaN where a point is
    missing.

    Args:
        group: whose elements it gives.
    """

    def __init__(self, group: Group) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor, perturbation: Tensor | None = None) -> Tensor:
        """Elements; ``perturbation`` ``(B, dim)`` is noise on coordinates, in units of the bounds.

        Args:
            x: samples.
            perturbation: None gives the mean.
        """
        raise NotImplementedError

    def adopt(self, x: Tensor) -> str | None:
        """Learn from training samples before the first batch; here nothing.

        Returns:
            What was found, in words; None where there is nothing to say.
        """
        return None

    def confidence(self, x: Tensor) -> Tensor | None:
        """How sure each element is, ``(B,)`` in (0, 1); None where f does not know."""
        return None


class MLPInference(InferenceNetwork):
    """The paper's network: an MLP on all pixels that ends at the identity (App. C).

    Of clouds whose points are in a fixed order it sees all coordinates, 0 where a point is missing.
    Coordinates of elements are offset + bounds · u, or offset + bounds · tanh(u), with u the linear
    head's output, whose weights start at 0.

    Args:
        group: whose elements it gives.
        shape: of a sample, ``(C, H, W)`` or ``(n, d)``.
        widths: units of the hidden layers (dense, GELU, layer norm each).
        squash: whether coordinates are kept inside the bounds by a tanh.
    """

    def __init__(
        self,
        group: Group,
        shape: Sequence[int],
        widths: Sequence[int] = (2048, 1024, 512, 256),
        squash: bool = False,
    ) -> None:
        super().__init__(group)
        self.squash = squash
        self.features = FeatureMLP(prod(shape), widths)
        self.head = nn.Linear(widths[-1], group.dim)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("bounds", torch.tensor(group.bounds), persistent=False)
        self.register_buffer("offset", torch.tensor(group.offset), persistent=False)
        self.bounds: Tensor
        self.offset: Tensor

    def forward(self, x: Tensor, perturbation: Tensor | None = None) -> Tensor:
        """Elements ``(B, …)``; under autocast their maths stays in float32."""
        u = self.head(self.features(x.flatten(1).nan_to_num(0.0)))
        u = u.to(torch.promote_types(u.dtype, torch.float32))
        if perturbation is not None:
            u = u + perturbation
        if self.squash:
            u = torch.tanh(u)
        return self.group.element(self.offset.to(u) + self.bounds.to(u) * u)


def perturbed(group: Group, element: Tensor, perturbation: Tensor | None) -> Tensor:
    """``element`` after the element at coordinates bounds · perturbation ``(B, dim)``."""
    if perturbation is None:
        return element
    noise = perturbation.to(element)
    return group.compose(group.element(noise.new_tensor(group.bounds) * noise), element)
