"""Inference of transformations by moments: equivariant by construction, without training."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import get_args

import torch
from torch import Tensor

from symmetry_pl.groups import AffineGroup, ColorGroup, ImageGroup, ProductGroup, rgb_to_hsv
from symmetry_pl.groups.base import at_least_single, without_autocast
from symmetry_pl.groups.matrices import affine_matrix
from symmetry_pl.sgm.inference import InferenceNetwork, perturbed
from symmetry_pl.sgm.moments import (
    EMPTY,
    Fit,
    Moments,
    angular_moments,
    foreground,
    normaliser,
    profile_peak,
)

__all__ = ["AffineFrame", "ColorFrame", "Frame", "ProductFrame", "turned"]

_GREY = 1 / 512  # half a step of 8 bits: colours that rounding could have made


class Frame(InferenceNetwork):
    r"""An element f(x) computed from x with f(T_g x) = f(x) then g, for each g of the group.

    A subclass says how in ``measure``. Nothing is learned, and an image without content gives the
    identity.

    Args:
        group: whose elements it gives.
        differentiable: whether gradients pass to the image.
    """

    group: ImageGroup

    def __init__(self, group: ImageGroup, differentiable: bool = False) -> None:
        super().__init__(group)
        self.differentiable = differentiable

    def measure(self, x: Tensor) -> Tensor:
        """Elements ``(B, …)`` of images in float32 at least, outside autocast."""
        raise NotImplementedError

    def density(self, x: Tensor) -> Tensor:
        """What of images counts as their content, ``(B, H, W)``."""
        return foreground(at_least_single(x))

    def forward(self, x: Tensor, perturbation: Tensor | None = None) -> Tensor:
        """Elements ``(B, …)``; a perturbation comes before them, next to the prototype.

        Args:
            x: images ``(B, C, H, W)`` in [−1, 1].
            perturbation: ``(B, dim)`` coordinates in units of the group's bounds.
        """
        x = at_least_single(x)
        with without_autocast(x):
            with nullcontext() if self.differentiable else torch.no_grad():
                element = self.measure(x)
            return perturbed(self.group, element, perturbation)


class AffineFrame(Frame):
    r"""The affine map to a standard position: centroid 0, standard deviations ``size``, a turn.

    .. math:: f(x) = \begin{pmatrix} R L & -R L μ \\ 0 & 1 \end{pmatrix}, \qquad
        L = \mathrm{size} \cdot Σ^{-1/2}

    with centroid μ and second moments Σ through a Gaussian window (``normaliser``), and the turn R
    that brings the peak of the angular profile to the right (``profile_peak``). Content that leaves
    the frame of the image biases moments; no moment can tell.

    Args:
        group: an ``AffineGroup``.
        fit: what is made standard: ``"affine"`` all six parameters; ``"similarity"`` shift, turn
            and one scale, which leaves thin shapes thin; ``"isometry"`` shift and turn;
            ``"shift"``.
        size: standard deviation of prototypes in half widths of the image; about what the images
            have themselves, so that elements are near the identity.
        threshold: brightness, of 1, that counts as background.
        window: width of the Gaussian window in standard deviations of the content; ``inf`` for
            none.
        iterations: how often the window is fitted to what it shows.
        passes: how often the frame is taken: the second time of the prototype of the first, and
            so on. One is as equivariant; a second makes prototypes stand still whose shape is
            nearly symmetric, where interpolation would else turn some of them over again.
        differentiable: whether gradients pass to the image.

    Raises:
        ValueError: for another group, an unknown fit, or a number out of its range.
    """

    def __init__(
        self,
        group: ImageGroup,
        fit: Fit = "affine",
        size: float = 0.3,
        threshold: float = 0.05,
        window: float = 1.7,
        iterations: int = 2,
        passes: int = 2,
        differentiable: bool = False,
    ) -> None:
        super().__init__(group, differentiable)
        if not isinstance(group, AffineGroup):
            raise ValueError(f"an affine frame needs an AffineGroup, got {type(group).__name__}")
        if fit not in get_args(Fit):
            raise ValueError(f"fit must be one of {list(get_args(Fit))}, got {fit!r}")
        if not size > 0 or not window > 0:
            raise ValueError(f"size and window must be positive, got {size:g} and {window:g}")
        if not 0 <= threshold < 1:
            raise ValueError(f"threshold is a brightness in [0, 1), got {threshold:g}")
        if iterations < 0 or passes < 1:
            raise ValueError(
                f"iterations must be at least 0 and passes at least 1, got {iterations}, {passes}"
            )
        self.fit: Fit = fit
        self.size, self.threshold = float(size), float(threshold)
        self.window, self.iterations, self.passes = float(window), iterations, passes

    def measure(self, x: Tensor) -> Tensor:
        """Matrices ``(B, 3, 3)``."""
        element = self._once(x)
        for _ in range(self.passes - 1):
            prototype = self.group.apply(self.group.inverse(element), x)
            element = self.group.compose(self._once(prototype), element)
        return element

    def _once(self, x: Tensor) -> Tensor:
        w = foreground(x, self.threshold)
        moments, seen = normaliser(w, self.fit, self.window, self.iterations)
        linear = self._stretch(moments)
        if self.fit != "shift":
            linear = turned(linear, profile_peak(angular_moments(seen, moments)))
        return self._placed(w, linear, moments.centre).to(x)

    def _stretch(self, moments: Moments) -> Tensor:
        """L before it is turned, ``(B, 2, 2)``."""
        linear = self.size * moments.whitening
        if self.fit in ("isometry", "shift"):
            return torch.eye(2, dtype=linear.dtype, device=linear.device).expand_as(linear)
        return linear

    @staticmethod
    def _placed(w: Tensor, linear: Tensor, centre: Tensor) -> Tensor:
        """The matrix that takes the centre to 0, the identity where a density w is empty."""
        shift = -(linear * centre[:, None, :]).sum(-1)
        empty = w.sum((1, 2)) < EMPTY
        unit = torch.eye(3, dtype=linear.dtype, device=linear.device)
        return torch.where(empty[:, None, None], unit, affine_matrix(linear, shift))


class ColorFrame(Frame):
    r"""Mean hue of an image, and means of the log saturation and log value of its strong colours.

    .. math:: f(x) = \Bigl(\tfrac{1}{2π} \arg \sum c\, e^{2πi h},\;
        \frac{\sum c^k \log s}{\sum c^k} - \log \bar s,\;
        \frac{\sum v^k \log v}{\sum v^k} - \log \bar v \Bigr), \qquad c = s v

    over the pixels. Weights scale with the image, so that means are equivariant for every
    sharpness k; a large k measures the strongest colours, which are then those that prototypes
    bring to s̄ and v̄ and do not clip. An image without colours more than 1/512 from grey has no
    hue and no saturation: both are 0. Colours that are clipped already bias the means.

    Args:
        group: a ``ColorGroup``.
        saturation: s̄ of prototypes.
        value: v̄ of prototypes.
        sharpness: k.
        differentiable: whether gradients pass to the image.

    Raises:
        ValueError: for another group, or a number that is not positive.
    """

    def __init__(
        self,
        group: ImageGroup,
        saturation: float = 1.0,
        value: float = 0.9,
        sharpness: float = 4.0,
        differentiable: bool = False,
    ) -> None:
        super().__init__(group, differentiable)
        if not isinstance(group, ColorGroup):
            raise ValueError(f"a colour frame needs a ColorGroup, got {type(group).__name__}")
        if not min(saturation, value, sharpness) > 0:
            raise ValueError(
                "saturation, value and sharpness of a colour frame must be positive, got "
                f"{saturation:g}, {value:g} and {sharpness:g}"
            )
        self.saturation, self.value, self.sharpness = saturation, value, sharpness

    def measure(self, x: Tensor) -> Tensor:
        """Coordinates ``(B, 3)``, which are the elements."""
        self.group.check_images((x.shape[-3], x.shape[-2], x.shape[-1]))
        hue, saturation, value = rgb_to_hsv(((x + 1) / 2).clamp(0, 1)).flatten(2).unbind(1)
        chroma = saturation * value
        chroma = torch.where(chroma > _GREY, chroma, torch.zeros_like(chroma))
        angle = hue * (2 * math.pi)
        east, north = (chroma * angle.cos()).sum(1), (chroma * angle.sin()).sum(1)
        coloured = (chroma > 0).any(1)
        turns = torch.atan2(north, torch.where(coloured, east, torch.ones_like(east)))
        means = [
            _log_mean(saturation, chroma**self.sharpness, self.saturation),
            _log_mean(value, value**self.sharpness, self.value),
        ]
        return torch.stack([turns / (2 * math.pi), *means], -1)


class ProductFrame(Frame):
    """Both parts' frames of a product of commuting groups, such as colour and position.

    The affine frame sees the value of HSV only, whose scale it does not feel; the colour frame
    sees proportions of colours only, which no warp changes: each ignores the other's group.

    Args:
        group: a ``ProductGroup``.
        first: frame of ``group.first``.
        second: frame of ``group.second``.
    """

    def __init__(self, group: ProductGroup, first: Frame, second: Frame) -> None:
        super().__init__(group, first.differentiable or second.differentiable)
        self.first, self.second = first, second

    def measure(self, x: Tensor) -> Tensor:
        """Flat elements ``(B, n)``."""
        assert isinstance(self.group, ProductGroup)
        return self.group.join(self.first(x), self.second(x))

    def density(self, x: Tensor) -> Tensor:
        """That of the second part."""
        return self.second.density(x)

    def adopt(self, x: Tensor) -> str | None:
        """Let both parts learn."""
        return (
            "; ".join(filter(None, (part.adopt(x) for part in (self.first, self.second)))) or None
        )

    def confidence(self, x: Tensor) -> Tensor | None:
        """That of the second part."""
        return self.second.confidence(x)


def turned(linear: Tensor, angle: Tensor) -> Tensor:
    """R L, where R brings the direction ``angle`` ``(B,)`` to the right."""
    c, s = angle.cos()[:, None], angle.sin()[:, None]
    top, bottom = linear.unbind(1)
    return torch.stack([c * top + s * bottom, c * bottom - s * top], 1)


def _log_mean(x: Tensor, weight: Tensor, reference: float) -> Tensor:
    """Weighted mean of log(x / reference) over pixels ``(B, P)``; 0 where all weights are."""
    counted = weight > 0
    log = torch.where(counted, x, torch.full_like(x, reference)).log() - math.log(reference)
    total = weight.sum(1)
    return (weight * log).sum(1) / torch.where(total > 0, total, torch.ones_like(total))
