"""p(η | x̂) on a group that may be curved: kernels about the elements of training clouds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from symmetry_pl.groups import CloudGroup
from symmetry_pl.groups.base import at_least_single
from symmetry_pl.groups.concentrated import ConcentratedLaw

__all__ = ["KernelMixture"]

_PROBES = 64  # points of space where the density of a prototype is looked at
_ROWS = 256  # queries at once
_SOFT = 5.0  # concentration at the start
_SPARED = 1e-6  # share of the broadest law at least, so that no density is 0
_FINEST = 0.01  # least width τ: densities of one cloud in two poses differ by rounding
_TRIED = 512  # training clouds that the start is chosen by
_WIDTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


class KernelMixture(nn.Module):
    r"""p(η | x̂), a mixture of laws about the elements η_j of training clouds with prototypes x̂_j.

    .. math:: p(\eta \mid \hat x) = \sum_j a_j(\hat x) \bigl[(1 - \epsilon) K_c(\eta; \eta_j) +
        \epsilon K_{c_0}(\eta; \eta_j)\bigr], \qquad
        a_j \propto \exp\bigl(-\|\varphi(\hat x) - \varphi(\hat x_j)\|^2 / 2 \tau^2\bigr)

    with the laws K_c of ``groups.ConcentratedLaw``, c₀ the broadest (uniform on rotations), and
    φ the density of a cloud at 64 places, which knows no order of its points and little of
    those that are missing. So few or many sharp modes, a ring, and the whole group are all within
    reach, and the integral is 1. The concentration c, the width τ and the share ε are learned by
    the likelihood of each cloud of a batch under all others of it; the training clouds are
    remembered when this begins, and choose where it starts.
    A kernel mixture network (Ambrogioni et al., 2017) with distances for its network.

    ``log_prob`` is in nats and with respect to the volume in the group's distance.

    Args:
        group: SO(d), O(d) or GL(2)+.
        cloud_shape: ``(n, d)``.
        memory: training clouds that are remembered, the first ones.
        narrowest: standard deviation of a kernel at least, in radians, or for entries of matrices.

    Raises:
        ValueError: for another group, or sizes that make no mixture.
    """

    wants_statistics = False
    eta: Tensor
    features: Tensor
    count: Tensor
    probes: Tensor

    def __init__(
        self,
        group: CloudGroup,
        cloud_shape: Sequence[int],
        memory: int = 8192,
        narrowest: float = 1e-3,
    ) -> None:
        super().__init__()
        if memory < 1 or not 0 < narrowest < 1:
            raise ValueError(
                f"memory must be at least 1 and narrowest between 0 and 1, got {memory} and "
                f"{narrowest}"
            )
        self.group, self.law, self.memory = group, ConcentratedLaw(group), memory
        self.sharpest = 1 / narrowest**2
        self.noise_dim = self.law.noise_columns + 2
        self.log_concentration = nn.Parameter(torch.tensor(_SOFT).log())
        self.log_width = nn.Parameter(torch.tensor(0.0))
        self.share_logit = nn.Parameter(torch.tensor(-6.0))
        self.register_buffer("eta", torch.zeros(memory, group.dim))
        self.register_buffer("features", torch.zeros(memory, _PROBES))
        self.register_buffer("count", torch.tensor(0))
        draws = torch.Generator().manual_seed(0)
        self.register_buffer("probes", torch.randn(_PROBES, cloud_shape[1], generator=draws))

    def forward(self, prototypes: Tensor) -> Tensor:
        """φ, the density of clouds ``(B, n, d)`` at the probes: ``(B, 64)``."""
        x = at_least_single(prototypes)
        missing = x.isnan().any(2)
        scale = self.probes.square().mean().sqrt()
        apart = torch.cdist(x.nan_to_num(0.0), self.probes.to(x)) / (0.5 * scale.to(x))
        bumps = (-apart.square() / 2).exp().masked_fill(missing[..., None], 0.0)
        found: Tensor = bumps.sum(1) / (~missing).sum(1, keepdim=True).clamp(min=1)
        return found

    @torch.no_grad()
    def remember(self, eta: Tensor, prototypes: Tensor) -> None:
        """Keep the first ``memory`` of clouds: coordinates ``(N, dim)``, prototypes ``(N, n, d)``.

        The places of the probes are measured by them, and c and τ start where a grid of both makes
        some of them most likely, each by the others.
        """
        eta, x = eta[: self.memory], prototypes[: self.memory]
        self.probes *= x.nan_to_num(0.0).square().mean().sqrt() / self.probes.square().mean().sqrt()
        features = torch.cat([self(part) for part in torch.split(x, _ROWS)])
        self.count.fill_(len(eta))
        self.eta[: len(eta)] = eta
        self.features[: len(eta)] = features
        self._choose_start()

    def _choose_start(self) -> None:
        """The most likely of a grid of concentrations and widths."""
        tried = slice(0, min(int(self.count), _TRIED))
        element, features = self.group.element(self.eta[tried].double()), self.features[tried]
        itself = torch.eye(len(element), dtype=torch.bool, device=element.device)
        steps = 1 + int(math.log(self.sharpest, 4))
        best, chosen = -math.inf, (0.0, 0.0)
        for c in (4.0**k for k in range(steps)):
            for width in _WIDTHS:
                start = math.log(c), math.log(width)
                self.log_concentration.fill_(start[0])
                self.log_width.fill_(start[1])
                found = float(self._mixed(element, features, element, features, itself).mean())
                best, chosen = max((best, chosen), (found, start))
        self.log_concentration.fill_(chosen[0])
        self.log_width.fill_(chosen[1])

    @property
    def concentration(self) -> Tensor:
        """c, float64."""
        return self.log_concentration.double().exp().clamp(max=self.sharpest)

    @property
    def share(self) -> Tensor:
        """ε, float64."""
        return self.share_logit.double().sigmoid().clamp(min=_SPARED)

    def log_prob(self, eta: Tensor, prototypes: Tensor) -> Tensor:
        """Log p(η | x̂) ``(B,)`` of coordinates ``(B, dim)``."""
        known = slice(0, int(self.count))
        centres = self.group.element(self.eta[known].double())
        parts = zip(torch.split(eta, _ROWS), torch.split(prototypes, _ROWS), strict=True)
        found = [
            self._mixed(self.group.element(one.double()), self(x), centres, self.features[known])
            for one, x in parts
        ]
        return torch.cat(found).to(at_least_single(eta).dtype)

    def training_log_prob(self, eta: Tensor, prototypes: Tensor, copies: int) -> Tensor:
        """The same of a batch whose other clouds are the memory, so that none knows itself.

        Args:
            eta: ``(B · S, dim)``, S rows for each cloud.
            prototypes: ``(B · S, n, d)``.
            copies: S.
        """
        element, features = self.group.element(eta.double()), self(prototypes)
        cloud = torch.arange(len(eta), device=eta.device) // copies
        same = cloud[:, None] == cloud
        return self._mixed(element, features, element, features, same)

    def _mixed(
        self,
        element: Tensor,
        features: Tensor,
        centres: Tensor,
        known: Tensor,
        left_out: Tensor | None = None,
    ) -> Tensor:
        """Log p ``(B,)``, float64, of elements ``(B, d, d)`` by centres ``(M, d, d)``."""
        log_weights = self._log_weights(features, known, left_out)
        squares = self.law.squares(element, centres)
        broad = torch.full_like(self.share, self.law.broadest)
        if self.law.linear:
            broad = torch.minimum(broad, self.concentration)
        sharp = self.law.log_density(squares, self.concentration)
        whole = self.law.log_density(squares, broad)
        laws = torch.logaddexp((1 - self.share).log() + sharp, self.share.log() + whole)
        return torch.logsumexp(log_weights + laws, 1)

    def _log_weights(self, features: Tensor, known: Tensor, left_out: Tensor | None) -> Tensor:
        """Log a_j of queries ``(B, 64)``: ``(B, M)``, float64."""
        apart = torch.cdist(features.double(), known.double()).square()
        width = self.log_width.double().exp().clamp(min=_FINEST)
        logits = -apart / (2 * width.square())
        if left_out is not None:
            logits = logits.masked_fill(left_out, -math.inf)
        return logits.log_softmax(1)

    @torch.no_grad()
    def sample(self, noise: Tensor, prototypes: Tensor) -> Tensor:
        """η ``(B · S, dim)`` of p(η | x̂), a function of normal noise ``(B · S, noise_dim)``.

        The first S rows are drawn for the first of B prototypes, and so on.
        """
        copies = len(noise) // len(prototypes)
        known = self.features[: int(self.count)]
        u = torch.special.ndtr(noise[:, -2:].double())
        chosen = []
        for x, part in zip(
            torch.split(prototypes, _ROWS),
            torch.split(u[:, 0].view(-1, copies), _ROWS),
            strict=True,
        ):
            rises = self._log_weights(self(x), known, None).exp().cumsum(1)
            rises = rises / rises[:, -1:]
            chosen.append(torch.searchsorted(rises, part.contiguous()).clamp(max=len(known) - 1))
        centres = self.group.element(self.eta[torch.cat(chosen).flatten()].double())
        own = noise[:, :-2]
        sharp = self.law.draw(centres, self.concentration, own)
        broad = self.law.draw(centres, self.concentration.new_tensor(self.law.broadest), own)
        drawn = torch.where((u[:, 1] < self.share)[:, None, None], broad, sharp)
        if self.law.linear:  # what left GL(2)+ stays where it came from
            drawn = torch.where((torch.linalg.det(drawn) > 0)[:, None, None], drawn, centres)
        return self.group.coordinates(drawn).to(at_least_single(noise).dtype)
