"""The turn of an image by one template, which a set of images agrees on without labels."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from symmetry_pl.sgm.polar import ANGLES, RADII, Turn, highest, radii

__all__ = ["TemplateTurn", "congealed"]

_RESTARTS, _ROUNDS = 8, 25
_WITHIN = 3 * 2 * math.pi / ANGLES  # of the second look


class TemplateTurn(nn.Module):
    r"""How far to turn polar samples until they look most like a template.

    .. math:: φ = \arg\max_φ \sum_{r,θ} \hat s_{r,θ+φ}\, t_{rθ}

    with samples ŝ weighted by r, less their mean, of norm 1. The curve over φ is one product of
    Fourier series, so that all angles cost no more than one; the sum is at most 1.

    Attributes:
        template: t ``(RADII, ANGLES)`` of norm 1; all 0 before ``fit``.
    """

    template: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("template", torch.zeros(RADII, ANGLES))

    def forward(self, samples: Tensor, second: bool = False) -> Turn:
        """Turns of samples ``(B, RADII, ANGLES)``; a second look stays within three positions.

        The second look is of samples in the turned frame. It takes away what the first owes to the
        places where the circles were sampled.
        """
        template = torch.fft.rfft(self.template.to(samples))
        curve = (_spectrum(samples) * template.conj()).sum(1)
        return highest(curve, _WITHIN if second else math.pi)

    @torch.no_grad()
    def fit(self, samples: Tensor) -> None:
        """Take the template that samples ``(N, RADII, ANGLES)`` agree on."""
        self.template.copy_(congealed(samples))


def congealed(samples: Tensor) -> Tensor:
    """The mean of samples, each shifted to where it fits this mean best: ``(RADII, ANGLES)``.

    Congealing (Learned-Miller 2006) over the circle: samples are shifted, averaged, and shifted
    anew, 25 times, from eight of the samples; that with the highest mean correlation is kept. One
    template and not several: copies of an image that choose different ones have unrelated turns.

    Args:
        samples: ``(N, RADII, ANGLES)``.
    """
    spectra = _spectrum(samples)
    restarts = min(_RESTARTS, len(samples))
    waves = torch.arange(spectra.shape[-1], device=samples.device) * (2 * math.pi / ANGLES)
    best, template = -math.inf, spectra.new_zeros(spectra.shape[1:])
    for k in range(restarts):
        mean = spectra[k * len(samples) // restarts]
        fit = 0.0
        for _ in range(_ROUNDS):
            curves = torch.fft.irfft((spectra * mean.conj()).sum(1), n=ANGLES)
            value, place = curves.max(1)
            fit = float(value.mean())
            turned = spectra * torch.exp(1j * place[:, None] * waves)[:, None]
            mean = _unit(turned.mean(0))
        if fit > best:
            best, template = fit, mean
    found: Tensor = torch.fft.irfft(template, n=ANGLES)
    return found


def _spectrum(samples: Tensor) -> Tensor:
    """Fourier series of samples, weighted, less their mean, of norm 1."""
    weighted = samples * radii(samples)[:, None]
    rest = weighted - weighted.mean((1, 2), keepdim=True)
    norm = rest.flatten(1).norm(dim=1)[:, None, None]
    series: Tensor = torch.fft.rfft(rest / torch.where(norm > 0, norm, torch.ones_like(norm)))
    return series


def _unit(spectrum: Tensor) -> Tensor:
    """A template of norm 1, by its Fourier series."""
    norm = torch.fft.irfft(spectrum, n=ANGLES).norm()
    return spectrum / torch.where(norm > 0, norm, torch.ones_like(norm))
