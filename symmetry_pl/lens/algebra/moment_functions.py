"""Smooth functions that a symmetry of a law is tested with, by their gradients."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["FunctionBank", "draw_frequencies", "function_count"]


class FunctionBank(NamedTuple):
    r"""Waves, products of two coordinates, and coordinates, all on whitened vectors z.

    .. math:: \sin(w_k^\top z + \varphi_k), \qquad z_a z_b\; (a \le b), \qquad z_a

    With a window each is multiplied by (4 u (1 − u))² for 0 < u < 1 and by 0 elsewhere, with
    u = (log‖z‖ − l) / (h − l): it then sees a law within a shell alone, and neither its centre
    nor its ends.

    Args:
        frequencies: w, ``(k, d)``.
        phases: φ, ``(k,)``, in radians.
        window: l and h, ``(2,)``; infinite for none.
    """

    frequencies: Tensor
    phases: Tensor
    window: Tensor

    @property
    def size(self) -> int:
        """Number of functions f."""
        return function_count(*self.frequencies.shape)

    def first(self, waves: int) -> FunctionBank:
        """The same with no more than so many waves."""
        return self._replace(frequencies=self.frequencies[:waves], phases=self.phases[:waves])

    def gradients(self, z: Tensor) -> Tensor:
        """∇f of samples ``(B, d)``: ``(B, f, d)``."""
        a, b = self._pairs
        waves, d = self.frequencies.shape
        rows = torch.arange(waves, waves + len(a), device=z.device)
        slopes = z.new_zeros(len(z), self.size, d)
        slopes[:, :waves] = self._angles(z).cos()[:, :, None] * self.frequencies
        slopes[:, rows, a] += z[:, b]
        slopes[:, rows, b] += z[:, a]
        slopes[:, waves + len(a) :] = torch.eye(d).to(z)
        if not self.windowed:
            return slopes
        height, steepness = self._window(z)
        radial = (steepness[:, None] * self._values(z))[:, :, None] * z[:, None, :]
        return height[:, None, None] * slopes + radial

    def along(self, z: Tensor, velocities: Tensor) -> Tensor:
        """∇f(z)ᵀ v, ``(B, f)``, of samples ``(B, d)`` with a velocity v each, ``(B, d)``."""
        a, b = self._pairs
        waves = self._angles(z).cos() * (velocities @ self.frequencies.T)
        products = velocities[:, a] * z[:, b] + z[:, a] * velocities[:, b]
        slopes = torch.cat([waves, products, velocities], 1)
        if not self.windowed:
            return slopes
        height, steepness = self._window(z)
        radial = steepness * (z * velocities).sum(1)
        return height[:, None] * slopes + radial[:, None] * self._values(z)

    def equations(self, z: Tensor) -> Tensor:
        """Sum over samples ``(B, d)`` of ∂_a f(z) z_b, ``(f, d, d)``."""
        a, b = self._pairs
        height, steepness = self._window(z) if self.windowed else (z.new_ones(len(z)), None)
        weighed = height[:, None] * z
        waves = self.frequencies[:, :, None] * (self._angles(z).cos().T @ weighed)[:, None, :]
        moments, d = z.T @ weighed, z.shape[1]
        products = z.new_zeros(len(a), d, d)
        rows = torch.arange(len(a), device=z.device)
        products[rows, a] += moments[b]
        products[rows, b] += moments[a]
        linear = torch.eye(d).to(z)[:, :, None] * weighed.sum(0)
        total = torch.cat([waves, products, linear])
        if steepness is None:
            return total
        squares = steepness[:, None] * (z[:, :, None] * z[:, None, :]).flatten(1)
        return total + (self._values(z).T @ squares).reshape(total.shape)

    @property
    def windowed(self) -> bool:
        """Whether there is a window."""
        return bool(self.window.isfinite().all())

    @property
    def _pairs(self) -> tuple[Tensor, Tensor]:
        d = self.frequencies.shape[1]
        a, b = torch.triu_indices(d, d, device=self.frequencies.device)
        return a, b

    def _angles(self, z: Tensor) -> Tensor:
        return z @ self.frequencies.T + self.phases

    def _values(self, z: Tensor) -> Tensor:
        """The functions without window, ``(B, f)``."""
        a, b = self._pairs
        return torch.cat([self._angles(z).sin(), z[:, a] * z[:, b], z], 1)

    def _window(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The window's value, and its gradient divided by z, both ``(B,)``."""
        low, high = self.window
        square = z.square().sum(1).clamp_min(torch.finfo(z.dtype).tiny)
        u = ((square.log() / 2 - low) / (high - low)).clamp(0, 1)
        height = (4 * u * (1 - u)).square()
        slope = 32 * u * (1 - u) * (1 - 2 * u) / (high - low)
        return height, slope / square


def function_count(waves: int, dim: int) -> int:
    """Functions of a bank of so many waves on d coordinates.

    >>> function_count(10, 3)
    19
    """
    return waves + dim * (dim + 1) // 2 + dim


def draw_frequencies(waves: int, dim: int, length: float, seed: int) -> tuple[Tensor, Tensor]:
    """Frequencies ``(k, d)`` of root mean square ``length``, phases 0 and π/2 in turn ``(k,)``."""
    generator = torch.Generator().manual_seed(seed)
    frequencies = torch.randn(waves, dim, generator=generator, dtype=torch.float64)
    return length / dim**0.5 * frequencies, torch.pi / 2 * (torch.arange(waves) % 2).double()
