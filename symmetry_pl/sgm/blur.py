"""Gaussian blur of the first training steps, against local optima of the inference network."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SIZE = 5
_NEGLIGIBLE = 1e-5


def gaussian_blur(x: Tensor, sigma: float) -> Tensor:
    """Images ``(B, C, H, W)`` blurred by a normalised 5 × 5 Gaussian; outside is background (−1).

    Args:
        x: images in [−1, 1].
        sigma: standard deviation in pixels; below 1e-5 the images are returned as they are.
    """
    if sigma < _NEGLIGIBLE:
        return x
    offsets = torch.arange(_SIZE, device=x.device, dtype=x.dtype) - _SIZE // 2
    weights = torch.softmax(-offsets.square() / (2 * sigma**2), 0)
    flat = (x + 1).flatten(0, 1).unsqueeze(1)
    for shape in ((1, 1, _SIZE, 1), (1, 1, 1, _SIZE)):
        padding = (shape[2] // 2, shape[3] // 2)
        flat = F.conv2d(flat, weights.view(shape), padding=padding)
    return flat.view_as(x) - 1
