"""p(η | x̂) on a group that may be curved: kernels about the elements of training clouds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from symmetry_pl.groups import CloudGroup
from symmetry_pl.groups.base import at_least_single
from symmetry_pl.groups.concentrated import ConcentratedLaw
from symmetry_pl.sgm.kernel_start import choose_start

__all__ = ["KernelMixture"]

_PROBES = 64  # points of space where the density of a prototype is looked at
_ROWS = 256  # queries at once
_SOFT = 5.0  # concentration at the start
_SHARES = (0.0, 0.0, -6.0)  # logits of π at the start
_NEAR = 4  # prototypes that relative elements are taken to
_FINEST = 0.01  # least width τ: densities of one cloud in two poses differ by rounding


class KernelMixture(nn.Module):
    r"""p(η | x̂), a mixture of laws about the elements η_j of training clouds with prototypes x̂_j.

    .. math:: p(\eta \mid \hat x) = \sum_j a_j(\hat x) \Bigl[\pi_1 K_c(\eta; \eta_j) +
        \pi_2 \frac1R \sum_r K_{c'}(\eta; g_r \eta_j) + \pi_3 K_{c_0}(\eta; \eta_j)\Bigr], \qquad
        a_j \propto e^{-\|\varphi(\hat x) - \varphi(\hat x_j)\|^2 / 2 \tau^2}

    with the laws K of ``groups.concentrated``: about what clouds of the same prototype have; about
    that moved by relative elements g_r = η_k η_l⁻¹ of pairs of all objects, which share one group;
    and the broadest law, uniform on rotations. φ is the density of a cloud at 64 places, which
    knows no order of its points and little of those that are missing. So few or many sharp modes, a
    ring, and the whole group are all within reach, and the integral is 1. c, c', τ and the shares π
    are learned by the likelihood of training clouds, each under all others that are remembered. A
    grid of c and τ says where they start. The second part takes the four prototypes next to x̂, and
    there is none on GL(2)+. Its g_r and η_j have the noise of three clouds, where the law has that
    of one: g_r are moved to where many are, and η_j to the mean of what clouds beside say, where
    that makes training clouds likelier (``condensing``). A kernel mixture network (Ambrogioni et
    al., 2017) with distances.

    ``log_prob`` is in nats and with respect to the volume in the group's distance.

    Args:
        group: SO(d), O(d) or GL(2)+.
        cloud_shape: ``(n, d)``.
        memory: training clouds that are remembered, the first ones.
        pairs: R, relative elements.
        narrowest: standard deviation of a kernel at least, in radians, or for entries of matrices.

    Raises:
        ValueError: for another group, or sizes that make no mixture.
    """

    wants_statistics = False
    eta: Tensor
    settled: Tensor
    rows: Tensor
    pairs: Tensor
    pair_rows: Tensor
    features: Tensor
    count: Tensor
    probes: Tensor

    def __init__(
        self,
        group: CloudGroup,
        cloud_shape: Sequence[int],
        memory: int = 8192,
        pairs: int = 512,
        narrowest: float = 1e-3,
    ) -> None:
        super().__init__()
        if min(memory, pairs) < 1 or not 0 < narrowest < 1:
            raise ValueError(
                "memory and pairs must be at least 1 and narrowest between 0 and 1, got "
                f"{memory}, {pairs} and {narrowest}"
            )
        self.group, self.law, self.memory = group, ConcentratedLaw(group), memory
        self.sharpest = 1 / narrowest**2
        self.noise_dim = self.law.noise_columns + 3
        self.log_concentration = nn.Parameter(torch.tensor(_SOFT).log())
        self.log_width = nn.Parameter(torch.tensor(0.0))
        self.log_shared = nn.Parameter(torch.tensor(_SOFT).log())
        self.share_logits = nn.Parameter(torch.tensor(_SHARES))
        self.register_buffer("eta", torch.zeros(memory, group.dim))
        self.register_buffer("settled", torch.zeros(memory, group.dim))
        self.register_buffer("features", torch.zeros(memory, _PROBES))
        self.register_buffer("rows", torch.full((memory,), -1))
        self.register_buffer("pairs", torch.zeros(pairs, group.dim))
        self.register_buffer("pair_rows", torch.full((pairs, 2), -1))
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
    def remember(self, eta: Tensor, prototypes: Tensor, rows: Tensor) -> None:
        """Keep the first ``memory`` of training clouds.

        Args:
            eta: coordinates ``(N, dim)``.
            prototypes: ``(N, n, d)``.
            rows: their row numbers ``(N,)``.

        The places of the probes are measured by them; c and τ, and then c', start where a grid
        makes some of them most likely, each by the others.
        """
        eta, x = eta[: self.memory], prototypes[: self.memory]
        self.probes *= x.nan_to_num(0.0).square().mean().sqrt() / self.probes.square().mean().sqrt()
        features = torch.cat([self(part) for part in torch.split(x, _ROWS)])
        self.count.fill_(len(eta))
        self.eta[: len(eta)] = self.settled[: len(eta)] = eta
        self.rows[: len(eta)] = rows[: self.memory]
        self.features[: len(eta)] = features
        choose_start(self)

    def centres(self) -> Tensor:
        """The elements that are remembered, ``(M, d, d)``, float64."""
        return self.group.element(self.eta[: int(self.count)].double())

    def _settled(self) -> Tensor:
        """The elements that relative ones move, ``(M, d, d)``, float64."""
        return self.group.element(self.settled[: int(self.count)].double())

    @property
    def concentration(self) -> Tensor:
        """c, float64."""
        return self.log_concentration.double().exp().clamp(max=self.sharpest)

    @property
    def shared_concentration(self) -> Tensor:
        """c', float64."""
        return self.log_shared.double().exp().clamp(max=self.sharpest)

    @property
    def broadest(self) -> Tensor:
        """c₀, float64."""
        broad = self.concentration.new_tensor(self.law.broadest)
        return torch.minimum(broad, self.concentration) if self.law.linear else broad

    @property
    def log_shares(self) -> Tensor:
        """Log π of the three parts, ``(3,)``, float64."""
        logits = self.share_logits.double()
        if self.law.linear:
            logits = logits.masked_fill(logits.new_tensor([0, 1, 0]).bool(), -math.inf)
        return logits.log_softmax(0)

    def log_prob(self, eta: Tensor, prototypes: Tensor) -> Tensor:
        """Log p(η | x̂) ``(B,)`` of coordinates ``(B, dim)``."""
        return self.training_log_prob(eta, prototypes, None)

    def training_log_prob(self, eta: Tensor, prototypes: Tensor, rows: Tensor | None) -> Tensor:
        """The same, where a cloud that is remembered does not know itself.

        Args:
            eta: ``(B, dim)``.
            prototypes: ``(B, n, d)``.
            rows: of the training set that they are, ``(B,)``; None for other clouds.
        """
        centres, known = self.centres(), self.features[: int(self.count)]
        found = []
        for part in torch.split(torch.arange(len(eta), device=eta.device), _ROWS):
            element = self.group.element(eta[part].double())
            apart = torch.cdist(self(prototypes[part]), known).square()
            row = None if rows is None else rows[part]
            itself = None if row is None else row[:, None] == self.rows[: len(centres)]
            squares = self.law.squares(element, centres)
            own = self.outer_parts(squares, apart, itself)
            if not self.law.linear:
                shared = self.shared_part(element, self.log_weights(apart, itself), row)
                own = torch.logaddexp(own, self.log_shares[1] + shared)
            found.append(own)
        return torch.cat(found).to(at_least_single(eta).dtype)

    def outer_parts(self, squares: Tensor, apart: Tensor, left_out: Tensor | None) -> Tensor:
        """Log of the first and third part ``(B,)``, float64.

        Args:
            squares: of distances of elements ``(B, M)``.
            apart: squares of distances of features ``(B, M)``.
            left_out: pairs that do not know each other ``(B, M)``.
        """
        shares = self.log_shares
        sharp = self.law.log_density(squares, self.concentration)
        whole = self.law.log_density(squares, self.broadest)
        laws = torch.logaddexp(shares[0] + sharp, shares[2] + whole)
        return torch.logsumexp(self.log_weights(apart, left_out) + laws, 1)

    def shared_part(self, element: Tensor, log_weights: Tensor, rows: Tensor | None) -> Tensor:
        """Log of the second part without its share ``(B,)``, float64.

        Distances are left alone by what acts on both sides: η from g η_j as η η_j⁻¹ from g.
        """
        weight, place = log_weights.topk(min(_NEAR, log_weights.shape[1]), 1)
        relative = element[:, None] @ self._settled()[place].mT
        squares = self.law.squares(relative.flatten(0, 1), self.group.element(self.pairs.double()))
        law = self.law.log_density(squares, self.shared_concentration).view(*place.shape, -1)
        known = torch.ones(len(element), len(self.pairs), dtype=torch.bool, device=element.device)
        if rows is not None:
            known = (rows[:, None, None] != self.pair_rows).all(2)
        law = law.masked_fill(~known[:, None], -math.inf)
        mean = torch.logsumexp(law, 2) - known.sum(1).double().clamp(min=1).log()[:, None]
        return torch.logsumexp(weight.log_softmax(1) + mean, 1)

    def log_weights(self, apart: Tensor, left_out: Tensor | None = None) -> Tensor:
        """Log a_j by squares of distances of features ``(B, M)``, float64."""
        width = self.log_width.double().exp().clamp(min=_FINEST)
        logits = -apart.double() / (2 * width.square())
        if left_out is not None:
            logits = logits.masked_fill(left_out, -math.inf)
        return logits.log_softmax(1)

    @torch.no_grad()
    def sample(self, noise: Tensor, prototypes: Tensor) -> Tensor:
        """η ``(B · S, dim)`` of p(η | x̂), a function of normal noise ``(B · S, noise_dim)``.

        The first S rows are drawn for the first of B prototypes, and so on.
        """
        copies = len(noise) // len(prototypes)
        u = torch.special.ndtr(noise[:, -3:].double())
        anchor, near = self._anchors(prototypes, u[:, 0].view(-1, copies))
        centres, own = self.centres(), noise[:, :-3]
        shares = self.log_shares.exp()
        sharp = self.law.draw(centres[anchor], self.concentration, own)
        broad = self.law.draw(centres[anchor], self.broadest, own)
        drawn = torch.where((u[:, 1] < shares[2])[:, None, None], broad, sharp)
        if self.law.linear:  # what left GL(2)+ stays where it came from
            inside = torch.linalg.det(drawn) > 0
            drawn = torch.where(inside[:, None, None], drawn, centres[anchor])
        else:
            pair = (u[:, 2] * len(self.pairs)).long().clamp(max=len(self.pairs) - 1)
            moved = self.group.element(self.pairs[pair].double()) @ self._settled()[near]
            shared = self.law.draw(moved, self.shared_concentration, own)
            drawn = torch.where((u[:, 1] > 1 - shares[1])[:, None, None], shared, drawn)
        return self.group.coordinates(drawn).to(at_least_single(noise).dtype)

    def _anchors(self, prototypes: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """Clouds that are remembered, drawn by a_j and by a_j among the next, ``(B · S,)`` each.

        Args:
            prototypes: ``(B, n, d)``.
            u: uniform ``(B, S)``.
        """
        known = self.features[: int(self.count)]
        anchors, near = [], []
        for x, part in zip(torch.split(prototypes, _ROWS), torch.split(u, _ROWS), strict=True):
            weights = self.log_weights(torch.cdist(self(x), known).square())
            anchors.append(_drawn(weights, part))
            best, place = weights.topk(min(_NEAR, len(known)), 1)
            near.append(place.gather(1, _drawn(best.log_softmax(1), part)))
        return torch.cat(anchors).flatten(), torch.cat(near).flatten()


def _drawn(log_weights: Tensor, u: Tensor) -> Tensor:
    """Columns ``(B, S)`` drawn by weights ``(B, M)``, by uniform numbers ``(B, S)``."""
    rises = log_weights.exp().cumsum(1)
    rises = rises / rises[:, -1:]
    return torch.searchsorted(rises, u.contiguous()).clamp(max=log_weights.shape[1] - 1)
