"""Mean log-densities of all pairs of pixels, pixel by pixel given; see ``scores`` for the idea."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from symmetry_pl.information import Reduce
from symmetry_pl.lens.densities.mixture import Mixture, MixtureScores, over_components
from symmetry_pl.lens.densities.piecewise import DirectNetworks, Networks, NetworkWeights, SlotTable
from symmetry_pl.lens.densities.scores import Scores, chunks, moves, over_batch, with_gradients

__all__ = ["Heads", "Method", "Pairing", "conditional_scores"]

Pairing = Literal["paired", "unpaired"]
Method = Literal["auto", "direct", "table"]

_GAIN = 3.5


@dataclass(frozen=True)
class Heads:
    """How three numbers a component become a weight, a mean and a variance.

    Attributes:
        components: K.
        mean_slope: slope of the mean's leaky ReLU; 1 for none.
        log_floor: density added to every mixture.
    """

    components: int
    mean_slope: float
    log_floor: float

    def mixture(self, outputs: Tensor) -> Mixture:
        """The mixture ``(n, K, d)`` of network outputs ``(3, n, K d)``."""
        logits, means, log_variances = outputs.view(*outputs.shape[:2], self.components, -1)
        means = torch.nn.functional.leaky_relu(means, self.mean_slope)
        return Mixture(_GAIN * torch.tanh(logits), means, _GAIN * torch.tanh(log_variances))

    def chain(self, found: MixtureScores, mixture: Mixture) -> list[Tensor]:
        """Derivatives of log p by the three networks' outputs, ``(n, K, d)``, in place."""
        logits, means, log_variances = mixture
        for derivative, bounded in ((found.logits, logits), (found.log_variances, log_variances)):
            # of b = 3.5 tanh o: 3.5 − b²/3.5
            derivative.mul_(torch.rsub(bounded.square_(), _GAIN, alpha=1 / _GAIN))
        to_means = found.means
        if self.mean_slope != 1:  # means have the sign of what they came from
            to_means = torch.ops.aten.leaky_relu_backward(to_means, means, self.mean_slope, False)
        return [found.logits, to_means, found.log_variances]


def conditional_scores(
    y: Tensor,
    slots: Tensor,
    weights: NetworkWeights,
    heads: Heads,
    method: Method = "auto",
    pairing: Pairing = "paired",
    shifted: bool = True,
    reduce: Reduce | None = None,
    stride: int = 1,
) -> Scores:
    """Mean log-densities of all pairs, each row serving the pairs of its slot.

    Args:
        y: ``(B, d)``.
        slots: conditioning pixel of every row, ``(B,)``; on the CPU, or the device is waited for.
        weights: of the three networks.
        heads: from network outputs to mixtures.
        method: how the networks are evaluated.
        pairing: which rows the shifted densities are averaged over, see ``ConditionalMixture``.
        shifted: whether ``below`` and ``above`` are wanted; zeros otherwise.
        reduce: differentiable sum over processes, for the means of the global batch.
        stride: numbers that neighbours are apart by.

    Raises:
        ValueError: if a slot has no rows in the global batch.
    """
    d = y.shape[1]
    y = y.to(weights.first.dtype)
    learned = torch.is_grad_enabled() and any(w.requires_grad for w in weights)
    gradients = NetworkWeights(*map(torch.zeros_like, weights)) if learned else None
    plain = NetworkWeights(*(w.detach() for w in weights))
    if method == "auto":
        method = _cheaper(y, plain)
    with torch.no_grad(), torch.autocast(y.device.type, enabled=False):
        samples = _Samples(y, slots, pairing, moves(shifted, stride), method)
        for networks, start, stop, own in _networks(plain, samples, method):
            for begin, end in chunks(start, stop, networks.width, y.device):
                noted = max(0, min(own, end) - begin) if gradients is not None else 0
                samples.evaluate(begin, end, noted, networks, heads)
            if gradients is not None:
                networks.finish(gradients)
    total, score, slope = samples.results()
    nll = total[0].trace() - total[0].sum()
    if gradients is not None:
        nll = with_gradients(nll, gradients, weights)
    sums = _PairSums.apply(y, total, score, slope, samples.pixels)
    sums, nll, counts = over_batch(sums, nll, samples.counts.to(y.device), reduce)
    if not bool((counts > 0).all()):
        raise ValueError(
            f"a batch of {int(counts.sum())} rows leaves some of {d} pixels without a row to "
            "condition on: use a larger batch"
        )
    turns = moves(stride=stride) if pairing == "unpaired" else (0, 0, 0)
    own, below, above = sums / torch.stack([counts.roll(-s) for s in turns])[..., None]
    return Scores(own, below, above, nll / (counts.sum() * (d - 1)))


def _cheaper(y: Tensor, weights: NetworkWeights) -> Method:
    """Tables cost about 30 rows a slot, and calls worth 400,000 products: measured on one core."""
    products = weights.second[0].numel()
    rows = len(y) / y.shape[1]
    many = rows * products > 4e5 + 30 * products
    return "table" if many and y.device.type == "cpu" else "direct"


def _networks(
    weights: NetworkWeights, samples: _Samples, method: Method
) -> Iterator[tuple[Networks, int, int, int]]:
    """Networks, the range of samples that they are for, and where in it own densities end."""
    if method == "direct":
        yield (
            DirectNetworks(weights),
            0,
            len(samples.given),
            len(samples.given) // len(samples.pixels),
        )
        return
    start = 0
    for slot, (rows, own) in enumerate(zip(samples.rows, samples.counts.tolist(), strict=True)):
        if rows:
            yield SlotTable(weights, slot), start, start + rows, start + own
        start += rows


class _Samples:
    """Every row of a batch once for each of S shifts, sorted by the network that it needs.

    A density moved by s pixels sees y_i as the pixel i + s, given y_j by the network of slot j + s.
    ``pixels`` (S, B) is every row's j.
    """

    def __init__(
        self, y: Tensor, slots: Tensor, pairing: Pairing, shifts: tuple[int, ...], method: Method
    ) -> None:
        d = y.shape[1]
        moved = torch.tensor(shifts, device=slots.device)[:, None]
        wanted, pixels = (slots + moved) % d, slots.expand(len(shifts), -1)
        if pairing == "unpaired":
            wanted, pixels = pixels, (slots - moved) % d
        keys = pixels + d * torch.arange(len(shifts), device=slots.device)[:, None]
        order = torch.arange(wanted.numel(), device=slots.device)
        if method == "table":  # stable: each network meets its own densities first
            order = wanted.flatten().argsort(stable=True)
        self.counts = torch.bincount(slots, minlength=d)
        self.rows: list[int] = torch.bincount(wanted.flatten(), minlength=d).tolist()
        self.pixels = pixels.to(y.device)
        self._shifts, self._order = shifts, order.to(y.device)
        self._slots = wanted.flatten()[order].to(y.device)
        self._keys = keys.flatten()[order].to(y.device)
        self.given = y.gather(1, self.pixels.T).T.flatten()[self._order]
        self._targets = torch.cat([y.roll(s, 1) for s in shifts])[self._order]
        kept = len(order) if y.requires_grad else 0
        self._score, self._slope = y.new_empty(kept, d), y.new_empty(kept, d)
        self._total = y.new_zeros(len(shifts) * d, d, dtype=torch.float64)

    def evaluate(self, begin: int, end: int, noted: int, networks: Networks, heads: Heads) -> None:
        """Sum some samples; the first ``noted`` of them tell the networks what they make better."""
        part = slice(begin, end)
        given, slots, keys = self.given[part], self._slots[part], self._keys[part]
        values, slopes = networks.outputs(given, slots)
        mixture = heads.mixture(values)
        found = mixture.scores(self._targets[part], heads.log_floor)
        self._total.index_add_(0, keys, found.log_density.to(self._total.dtype))
        if not (len(self._score) or noted):
            return
        to_outputs = heads.chain(found, mixture)
        if len(self._score):
            self._score[part] = found.score
            self._slope[part] = _weighted(
                to_outputs, slopes.view(*slopes.shape[:2], heads.components, -1)
            )
        if noted:
            likelihood = torch.stack([t[:noted] for t in to_outputs]).neg_()
            # no pixel is estimated from itself
            likelihood.mT[:, torch.arange(noted), slots[:noted]] = 0
            networks.accumulate(given[:noted], slots[:noted], likelihood.flatten(2))

    def results(self) -> tuple[Tensor, Tensor, Tensor]:
        """Sums ``(S, d, d)`` at [s, j, i], derivatives by y_i and by y_j, ``(S, B, d)``."""
        d = self._total.shape[1]
        total = self._total.view(-1, d, d)
        found = [total]
        for sorted_rows in (self._score, self._slope):
            rows = torch.empty_like(sorted_rows)
            rows[self._order[: len(rows)]] = sorted_rows
            found.append(rows.view(len(self._shifts), -1, d))
        moved = [
            torch.stack([part.roll(-s, 1) for part, s in zip(f, self._shifts, strict=True)])
            for f in found
        ]
        return moved[0], moved[1], moved[2]


def _weighted(to_outputs: list[Tensor], slopes: Tensor) -> Tensor:
    """Derivative by the given value, ``(n, d)``: what the outputs of three networks hand on."""
    total = to_outputs[0] * slopes[0]
    for derivative, slope in zip(to_outputs[1:], slopes[1:], strict=True):
        total.addcmul_(derivative, slope)
    return over_components(total)


class _PairSums(torch.autograd.Function):
    """Sums ``(S, d, d)`` over samples y ``(B, d)``, with their derivatives ``(S, B, d)``."""

    @staticmethod
    def forward(
        ctx: Any, y: Tensor, total: Tensor, score: Tensor, slope: Tensor, pixels: Tensor
    ) -> Tensor:
        ctx.save_for_backward(score, slope, pixels)
        return total.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        to_y = torch.zeros_like(ctx.saved_tensors[0][0])
        for grad, score, slope, pixels in zip(grads[0], *ctx.saved_tensors, strict=True):
            weight = grad.to(score.dtype)[pixels]
            to_y.addcmul_(weight, score)
            to_y.scatter_add_(1, pixels[:, None], weight.mul_(slope).sum(1, keepdim=True))
        return to_y, None, None, None, None
