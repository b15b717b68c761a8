"""Density estimators of SymmetryLens: every pixel's, and every pixel's given one other."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from symmetry_pl.core.registry import check_choice
from symmetry_pl.information import Reduce
from symmetry_pl.lens.densities.mixture import Mixture
from symmetry_pl.lens.densities.pair_scores import Heads, Method, Pairing, conditional_scores
from symmetry_pl.lens.densities.piecewise import NEGATIVE_SLOPE, NetworkWeights
from symmetry_pl.lens.densities.scores import Scores, marginal_scores

__all__ = ["ConditionalMixture", "MarginalMixture", "Pairing", "Scores"]


class MarginalMixture(nn.Module):
    r"""p_i(y_i) of every pixel: a mixture of Gaussians with free parameters (eq. 23).

    Weights are softmax(clip(a, ±4.5)), variances exp(clip(v, ±4.5)), as in the published code, and
    start as there: equal, e, with centres drawn from U(−0.05, 0.05).

    Args:
        d: number of pixels.
        components: K.
        log_floor: density added to every mixture; log(1e−7) is −16.1 nats.
    """

    def __init__(self, d: int, components: int = 4, log_floor: float = 1e-7) -> None:
        super().__init__()
        self.log_floor = _positive(log_floor)
        self.logits = nn.Parameter(torch.ones(components, d))
        self.means = nn.Parameter(torch.empty(components, d).uniform_(-0.05, 0.05))
        self.log_variances = nn.Parameter(torch.ones(components, d))

    def log_density(self, y: Tensor) -> Tensor:
        """Log p_i(y_i), ``(B, d)``, differentiable in y ``(B, d)`` and the parameters."""
        return self.mixture.log_density(y, self.log_floor)

    def scores(
        self,
        y: Tensor,
        shifted: bool = True,
        reduce: Reduce | None = None,
        stride: int = 1,
    ) -> Scores:
        """Mean log-densities of the batch under every pixel's own and its neighbours' densities.

        Args:
            y: ``(B, d)``.
            shifted: whether ``below`` and ``above`` are wanted; zeros otherwise.
            reduce: sum over processes, which makes the means those of the global batch.
            stride: numbers that neighbours are apart by.

        Raises:
            ValueError: if y has other than d columns.
        """
        _check(y, self.means.shape[1])
        return marginal_scores(y, self.mixture, self.log_floor, shifted, reduce, stride)

    @torch.no_grad()
    def assign(self, mixture: Mixture) -> None:
        """Set the mixture, ``(K, d)``: as it is up to a constant of the logits and the clips."""
        self.logits.copy_(mixture.logits - mixture.logits.mean(0) + 1.0)
        self.means.copy_(mixture.means)
        self.log_variances.copy_(mixture.clipped().log_variances)

    @property
    def mixture(self) -> Mixture:
        """The mixture ``(K, d)`` of the parameters, within the clips."""
        return Mixture(self.logits, self.means, self.log_variances).clipped()


class ConditionalMixture(nn.Module):
    r"""p_{i|j}(y_i | y_j) of all pairs: mixtures whose parameters are networks of y_j (eq. 24, 25).

    Three networks of one hidden layer, for weights, means and variances, see the one-hot vector of
    pixel j times y_j and answer for all i. With their outputs o (leaky ReLU, slope 0.2, inside):

    .. math:: w = \mathrm{softmax}(3.5 \tanh o), \quad \mu = \mathrm{lrelu}(o) \text{ or } o, \quad
        \sigma^2 = \exp(3.5 \tanh o)

    Weights start Glorot-uniform, biases at 0. A row of a batch conditions on one pixel, its *slot*:
    in the papers' protocol its place in the global batch, modulo d.

    Args:
        d: number of pixels.
        hidden: H; the paper takes 16 d.
        components: K.
        mean_head: ``leaky`` as in the published code, or ``linear`` as in the paper's Table 2.
        log_floor: density added to every mixture.
        method: ``table``, ``direct``, or ``auto``, the cheaper by size (see ``piecewise``); both
            are exact.

    Raises:
        ValueError: if an option is none of those named, or ``log_floor`` is not positive.
    """

    def __init__(
        self,
        d: int,
        hidden: int,
        components: int = 4,
        mean_head: Literal["leaky", "linear"] = "leaky",
        log_floor: float = 1e-7,
        method: Literal["auto", "direct", "table"] = "auto",
    ) -> None:
        super().__init__()
        check_choice("mean_head", mean_head, ("leaky", "linear"))
        check_choice("method", method, get_args(Method))
        if d < 2:
            raise ValueError(f"pairs need at least 2 pixels, got d={d}")
        self.d = d
        self.method: Method = method
        mean_slope = NEGATIVE_SLOPE if mean_head == "leaky" else 1.0
        self.heads = Heads(components, mean_slope, _positive(log_floor))
        self.first = nn.Parameter(_glorot(3, d, hidden))
        self.bias = nn.Parameter(torch.zeros(3, hidden))
        self.second = nn.Parameter(_glorot(3, hidden, d * components))
        self.offset = nn.Parameter(torch.zeros(3, d * components))

    def log_density(self, y: Tensor, condition: Tensor, slots: Tensor) -> Tensor:
        """Log p_{i|j}(y_i | condition), by plain matrix products and autograd.

        Args:
            y: ``(B, d)``.
            condition: value of pixel j, ``(B,)``.
            slots: j of every row, ``(B,)``.

        Returns:
            ``(B, d)``, differentiable in y, the condition and the parameters.
        """
        hidden = condition[:, None] * self.first[:, slots] + self.bias[:, None]
        hidden = nn.functional.leaky_relu(hidden, NEGATIVE_SLOPE)
        outputs = torch.baddbmm(self.offset[:, None], hidden, self.second)
        return self.heads.mixture(outputs).log_density(y, self.heads.log_floor)

    def norms(self) -> Tensor:
        """Sum of the Frobenius norms of the six weight matrices, a scalar."""
        layers = (self.first, self.second)
        return torch.stack([torch.linalg.vector_norm(w, dim=(1, 2)) for w in layers]).sum()

    def scores(
        self,
        y: Tensor,
        slots: Tensor,
        pairing: Pairing = "paired",
        shifted: bool = True,
        reduce: Reduce | None = None,
        stride: int = 1,
    ) -> Scores:
        """Mean log-densities of all pairs, from one pass over the batch, pixel by pixel.

        Args:
            y: ``(B, d)``.
            slots: conditioning pixel of every row, ``(B,)`` integers; best on the CPU.
            pairing: what is compared with log p_{i|j} averaged over the rows of slot j.
                ``paired``: p_{i±1|j±1}(y_i | y_j) over the same rows (eq. 29). ``unpaired``: over
                the rows of slot j ± 1, as published; the difference of two samples adds noise,
                which a clamp at 0 turns into bias.
            shifted: whether ``below`` and ``above`` are wanted; zeros otherwise.
            reduce: sum over processes, which makes the means those of the global batch.
            stride: numbers that neighbours are apart by.

        Raises:
            ValueError: if y has other than d columns, slots do not fit y or are no pixels, or a
                pixel is no row's slot in the global batch.
        """
        _check(y, self.d)
        if slots.shape != y.shape[:1]:
            raise ValueError(f"slots must have shape ({len(y)},), got {tuple(slots.shape)}")
        if not bool(((slots >= 0) & (slots < self.d)).all()):
            raise ValueError(f"slots must lie between 0 and {self.d - 1}: they are pixels")
        check_choice("pairing", pairing, get_args(Pairing))
        weights = NetworkWeights(self.first, self.bias, self.second, self.offset)
        return conditional_scores(
            y, slots, weights, self.heads, self.method, pairing, shifted, reduce, stride
        )


def _glorot(*shape: int) -> Tensor:
    bound = math.sqrt(6 / (shape[-2] + shape[-1]))
    return torch.empty(shape).uniform_(-bound, bound)


def _positive(log_floor: float) -> float:
    if log_floor <= 0:
        raise ValueError(f"log_floor is added to densities and must be positive, got {log_floor}")
    return log_floor


def _check(y: Tensor, d: int) -> None:
    if y.ndim != 2 or y.shape[1] != d or len(y) == 0:
        raise ValueError(f"y must have shape (B, {d}) with B >= 1, got {tuple(y.shape)}")
