"""A VAE behind transformations: prototypes from codes, images from prototypes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from symmetry_pl.groups import Group
from symmetry_pl.sgm.gaussian_vae import GaussianVAE, normal_log_prob, raw_scale, scale_of
from symmetry_pl.sgm.prototype_module import PrototypeModule

__all__ = ["PoseNoise", "PosedDraw", "PosedVAE", "wrapped_log_prob"]

_LAPS = range(-2, 3)
"""Laps of a wrapped normal; a standard deviation of half a period needs no more."""


@dataclass(frozen=True)
class PosedDraw:
    """One draw of the latent variables of each of N images.

    Attributes:
        x: the images ``(N, C, H, W)``.
        eta: η of q(η | x), ``(N, dim)``.
        element: its elements.
        log_q: log q(η | x), ``(N,)``.
        prototype: T_η⁻¹ x.
        decoded: μ(z) of a z of q(z | T_η⁻¹ x).
        code_log_ratio: log p(z) − log q(z | T_η⁻¹ x), ``(N,)``.
    """

    x: Tensor
    eta: Tensor
    element: Tensor
    log_q: Tensor
    prototype: Tensor
    decoded: Tensor
    code_log_ratio: Tensor


class PoseNoise(nn.Module):
    """What is uncertain of a pose, s, and what is left of an image when it is known, σ_x.

    Args:
        group: of poses.
        image_shape: ``(C, H, W)``.
        spread: s at the start, in units of the group's bounds: a number, or one a coordinate.
    """

    units: Tensor

    def __init__(
        self, group: Group, image_shape: Sequence[int], spread: float | Tensor = 0.01
    ) -> None:
        super().__init__()
        start = torch.ones(group.dim) * spread
        self.raw_noise = nn.Parameter(raw_scale(torch.ones(*image_shape)))
        self.raw_spread = nn.Parameter(start.expm1().log())
        units = torch.tensor([half or 1.0 for half in group.bounds])
        self.register_buffer("units", units, persistent=False)

    @torch.no_grad()
    def standardise(self, deviation: Tensor) -> None:
        """Have σ_x begin at the standard deviation of the pixels ``(C, H, W)``, at least 0.02."""
        self.raw_noise.copy_(raw_scale(deviation.clamp(min=0.02)))

    @property
    def scale(self) -> Tensor:
        """σ_x, ``(C, H, W)``."""
        return scale_of(self.raw_noise)

    @property
    def spread(self) -> Tensor:
        """s, ``(dim,)``, in the coordinates of the group."""
        return self.units * nn.functional.softplus(self.raw_spread)


@dataclass(frozen=True)
class PosedVAE:
    r"""x = T_η(μ(z)) + noise: a VAE of prototypes, with the poses that an SGM knows.

    .. math:: p(x) = \int p(z)\, p(\eta \mid \mu(z))\,
        N\bigl(x;\, T_\eta\, \mu(z),\, \sigma_x^2\bigr)\, dz\, d\eta

    is a density of images: the noise σ_x, one number a pixel of the *image*, comes after the warp.
    Its posterior is q(η | x) q(z | T_η⁻¹ x) with

    .. math:: q(\eta \mid x) = N\bigl(\eta;\, f(x),\, s^2\bigr)

    in the coordinates of the group, wrapped where they have a period.

    Args:
        vae: of prototypes.
        sgm: f, p(η | x̂) and the group.
        noise: s and σ_x.
    """

    vae: GaussianVAE
    sgm: PrototypeModule
    noise: PoseNoise

    @torch.no_grad()
    def pose(self, x: Tensor) -> Tensor:
        """The mean of q(η | x), ``(B, dim)``."""
        return self.sgm.coordinates(self.sgm.inference(x))

    def draw(self, x: Tensor, pose: Tensor, noise: Tensor) -> PosedDraw:
        """A pose, a prototype and a code of each image.

        Args:
            x: images ``(N, C, H, W)``.
            pose: means of q(η | x), ``(N, dim)``.
            noise: standard normal ``(N, dim + d)``, of poses and codes.
        """
        group = self.sgm.group
        deviation = self.noise.spread * noise[:, : group.dim]
        eta = pose + deviation
        element = group.element(eta)
        prototype = group.apply(group.inverse(element), x)
        posterior = self.vae.posterior(prototype)
        z = posterior[0] + posterior[1] * noise[:, group.dim :]
        return PosedDraw(
            x,
            eta,
            element,
            wrapped_log_prob(deviation, self.noise.spread, group.periods),
            prototype,
            self.vae.decode(z),
            self.vae.code_log_ratio(posterior, z),
        )

    def image_log_weight(self, draw: PosedDraw) -> Tensor:
        r"""The log weight of a draw under the density of images, ``(N,)``.

        .. math:: \log N(x; T_\eta \mu(z), \sigma_x^2) + \log p(\eta \mid \mu(z)) + \log p(z)
            - \log q(\eta \mid x) - \log q(z \mid T_\eta^{-1} x)
        """
        mean = self.sgm.group.apply(draw.element, draw.decoded)
        return (
            normal_log_prob(draw.x, mean, self.noise.scale, draw.x.ndim - 1)
            + self.sgm.generative.log_prob(draw.eta, draw.decoded)
            - draw.log_q
            + draw.code_log_ratio
        )

    def prototype_log_weight(self, draw: PosedDraw) -> Tensor:
        r"""The published log weight, ``(N,)``: a density of prototypes, and not of images.

        .. math:: \log N(\hat x; \mu(z), \sigma^2) + \log p(\eta \mid \hat x) + \log p(z)
            - \log q(\eta \mid x) - \log q(z \mid \hat x), \qquad \hat x = T_\eta^{-1} x
        """
        return (
            self.code_log_weight(draw)
            + self.sgm.generative.log_prob(draw.eta, draw.prototype)
            - draw.log_q
        )

    def code_log_weight(self, draw: PosedDraw) -> Tensor:
        """The VAE's own log weight of a prototype's code, ``(N,)``."""
        return self.vae.log_likelihood(draw.prototype, draw.decoded) + draw.code_log_ratio

    def reconstruct(self, x: Tensor) -> Tensor:
        """T_η μ(z) at the means of the posterior."""
        group = self.sgm.group
        element = group.element(self.pose(x))
        prototype = group.apply(group.inverse(element), x)
        return group.apply(element, self.vae.reconstruct(prototype))


def wrapped_log_prob(deviation: Tensor, scale: Tensor, periods: Sequence[float | None]) -> Tensor:
    r"""Log of a normal density of deviations from its mean, wrapped where there is a period.

    .. math:: \sum_i \log \sum_{k=-2}^{2} N(δ_i + k P_i; 0, s_i^2)

    with δ within half a period.

    Args:
        deviation: ``(N, dim)``.
        scale: s, ``(dim,)``.
        periods: P, None where there is none.

    Returns:
        ``(N,)``.

    >>> turned = torch.tensor([[0.3], [0.3 + 2 * math.pi]])
    >>> found = wrapped_log_prob(turned, torch.tensor([1.0]), [2 * math.pi])
    >>> bool(torch.isclose(found[0], found[1]))
    True
    """
    found = []
    for i, period in enumerate(periods):
        error, s = deviation[:, i], scale[i]
        if period is not None:
            error = torch.remainder(error + period / 2, period) - period / 2
            laps = error.new_tensor([k * period for k in _LAPS])
            density = torch.logsumexp(-0.5 * ((error[:, None] + laps) / s).square(), 1)
        else:
            density = -0.5 * (error / s).square()
        found.append(density - s.log() - 0.5 * math.log(2 * math.pi))
    return torch.stack(found, 1).sum(1)
