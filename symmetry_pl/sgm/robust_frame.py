"""An affine frame that also reads images with noise, an uneven ground or dark ink."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from symmetry_pl.groups import ImageGroup
from symmetry_pl.groups.base import at_least_single, without_autocast
from symmetry_pl.groups.rotations import rotation_vector
from symmetry_pl.sgm.front_end import Cleaned, clean
from symmetry_pl.sgm.moment_frames import AffineFrame, turned
from symmetry_pl.sgm.moments import Fit, angular_moments, foreground, normaliser, profile_peak
from symmetry_pl.sgm.polar import polar_samples
from symmetry_pl.sgm.template_turn import TemplateTurn
from symmetry_pl.sgm.trust import fitted_trust

__all__ = ["RobustAffineFrame"]

_IMAGES, _PAIRS = 4000, 1000  # that the template is fitted on, and that confidence is
_CHUNK = 500  # images at once
_SPIKES = 2.5e-3  # share of pixels that clean images may lose to clamping, or two pixels
_PLAIN = 0.9  # share of plain images from which those of a set need no front end


class _Found(NamedTuple):
    element: Tensor
    gap: Tensor


class RobustAffineFrame(AffineFrame):
    r"""An affine frame that adapts to its images: that of moments alone, or one behind a front end.

    Of clean images on flat black it is ``AffineFrame``. Of others it finds position and stretch by
    the moments of a density (``front_end.clean``), and the turn by one template (``TemplateTurn``),
    which the first images of a fit agree on; before a fit the turn is that of moments. ``adopt``
    decides. Both frames are equivariant by construction, up to what the front end reads otherwise
    in another copy.

    Args:
        group: an ``AffineGroup``.
        fit: what is made standard, as in ``AffineFrame``; so are the next six.
        size: standard deviation of prototypes.
        threshold: brightness, or share of the contrast, that counts as background.
        window: width of the Gaussian window.
        iterations: how often it is fitted.
        passes: of the frame of moments; a template's turn is always looked at twice.
        differentiable: whether gradients pass to the image.
        robust: ``"auto"`` to let the training images decide; True or False to decide now.

    Attributes:
        used: whether the front end is.
        turn: the template.
        trust: slope and intercept of the confidence in the gap.

    Raises:
        ValueError: for another value of ``robust``, or as ``AffineFrame``.
    """

    used: Tensor
    fitted: Tensor
    trust: Tensor

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
        robust: bool | Literal["auto"] = "auto",
    ) -> None:
        super().__init__(group, fit, size, threshold, window, iterations, passes, differentiable)
        if robust not in ("auto", True, False):
            raise ValueError(f"robust must be auto, true or false, got {robust!r}")
        self.robust = robust
        self.register_buffer("used", torch.tensor(robust is True))
        self.register_buffer("fitted", torch.tensor(False))
        self.register_buffer("trust", torch.zeros(2))
        self.turn = TemplateTurn()
        self._read_buffers()

    def _read_buffers(self) -> None:
        """Keep what decides as Python's own: a device is not waited for, and a graph needs none."""
        self._uses, self._looks = bool(self.used), bool(self.fitted)

    def measure(self, x: Tensor) -> Tensor:
        """Matrices ``(B, 3, 3)``."""
        return self._found(x).element if self._uses else super().measure(x)

    def density(self, x: Tensor) -> Tensor:
        """What of images counts as their content, ``(B, H, W)``."""
        x = at_least_single(x)
        return clean(x, self.threshold).density if self._uses else foreground(x)

    @torch.no_grad()
    def confidence(self, x: Tensor) -> Tensor | None:
        """How sure the turn is, ``(B,)`` in (0, 1): the probability that a copy's is the same.

        A logistic function of the gap between the template's best fit and its best rival more than
        45 degrees away, fitted on copies of training images. None where no template is used.
        """
        if not (self._uses and self._looks):
            return None
        x = at_least_single(x)
        with without_autocast(x):
            gap = self._found(x).gap
            return torch.sigmoid(self.trust[0] * gap + self.trust[1]).to(x)

    def _found(self, x: Tensor) -> _Found:
        image = clean(x, self.threshold)
        moments, seen = normaliser(image.density, self.fit, self.window, self.iterations)
        linear = self._stretch(moments)
        gap = torch.zeros_like(image.noise)
        if self.fit != "shift":
            if self._looks:
                angle, gap = self._look(image, linear, moments.centre)
            else:
                angle = profile_peak(angular_moments(seen, moments))
            linear = turned(linear, angle)
        return _Found(self._placed(image.density, linear, moments.centre).to(x), gap)

    def _look(self, image: Cleaned, linear: Tensor, centre: Tensor) -> tuple[Tensor, Tensor]:
        """The template's turn, in two looks, and the gap of the first."""
        first = self.turn(polar_samples(image.density, linear, centre))
        angle = first.angle.to(linear)
        again = polar_samples(image.density, linear, centre, angle)
        return angle + self.turn(again, second=True).angle.to(linear), first.gap

    # -- before the first batch ------------------------------------------------------------------

    @torch.no_grad()
    def adopt(self, x: Tensor) -> str | None:
        """Decide by training images ``(N, C, H, W)`` which frame to use, and fit the template.

        Returns:
            What was found, in words; None where there was nothing to decide.
        """
        if self.robust is False or not len(x):
            return None
        x = at_least_single(x[:_IMAGES])
        found = [clean(part, self.threshold) for part in torch.split(x, _CHUNK)]
        few = max(_SPIKES, 2.5 / math.prod(x.shape[2:]))
        clear = torch.cat([one.plain & (one.spikes <= few) for one in found])
        plain = float(clear.float().mean())
        noise = float(torch.cat([one.noise for one in found]).median())
        seen = (
            f"{100 * plain:.0f} % of images are clean and on black, median noise {noise:.3f} of 1"
        )
        self.used.fill_(self.robust is True or plain < _PLAIN)
        self._read_buffers()
        if not self._uses:
            return f"frame of moments alone: {seen}"
        if self.fit == "shift":
            return f"robust frame: {seen}"
        self.turn.fit(torch.cat([self._samples(one) for one in found]))
        self.fitted.fill_(True)
        self._read_buffers()
        self.trust.copy_(self._trust(x[:_PAIRS]))
        return f"robust frame: {seen}"

    def _samples(self, image: Cleaned) -> Tensor:
        moments, _ = normaliser(image.density, self.fit, self.window, self.iterations)
        return polar_samples(image.density, self._stretch(moments), moments.centre)

    def _trust(self, x: Tensor) -> Tensor:
        """Slope and intercept: which gaps go with copies that agree on the turn."""
        generator = torch.Generator().manual_seed(0)
        gaps, frames = [], []
        for _ in range(2):
            g = self.group.sample(len(x), generator=generator).to(x)
            found = [self._found(part) for part in torch.split(self.group.apply(g, x), _CHUNK)]
            element = torch.cat([one.element for one in found])
            frames.append(self.group.compose(element, self.group.inverse(g)))
            gaps.append(torch.cat([one.gap for one in found]))
        change = self.group.compose(frames[0], self.group.inverse(frames[1]))[:, :2, :2]
        agree = rotation_vector(change)[:, 0].abs() < math.pi / 4
        return fitted_trust(torch.minimum(*gaps), agree)

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *args: Any) -> None:
        """Older checkpoints know no robust frame, and do not use one."""
        if f"{prefix}used" not in state:
            own = {**self.state_dict(), "used": torch.tensor(False)}
            state.update({prefix + name: value for name, value in own.items()})
        super()._load_from_state_dict(state, prefix, *args)
        self._read_buffers()
