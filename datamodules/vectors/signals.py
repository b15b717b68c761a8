"""The artificial signals of the SymmetryLens paper: local waveforms whose pixels are hidden."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.datamodules.options import check_at_least, check_choice
from symmetry_pl.datamodules.streams import STREAMS
from symmetry_pl.datamodules.vectors.vector_data import DrawnDataModule
from symmetry_pl.datamodules.vectors.waveforms import WAVEFORMS, offsets, wrapped

__all__ = ["SignalLaw", "SignalsDataModule"]

Array = npt.NDArray[np.float64]
_LEAST = 0.01  # of widths and amplitudes; waveforms narrower than this would miss all pixels


@dataclass(frozen=True)
class SignalLaw:
    r"""How one raw signal of d pixels is drawn (SymmetryLens, appendix C.1).

    .. math:: s_t = \sum_f \sum_{i=1}^{N} e_{fi}\, a_{fi}\, b_f(t - c_{fi}; w_{fi}), \quad
        e \sim \mathrm{Bernoulli}(p / F), \quad t = -(d-1)/2 \dots (d-1)/2

    with N slots for each of the F shapes of the waveform, a and w uniform in their ranges, and
    centres uniform in (−d, d) on a chain, so that tails of signals beyond the ends show, and in
    (−(d−1)/2, (d−1)/2) on a ring: the published code's ranges (the paper says three times the
    line). A ring's pixels are therefore not quite equally likely to be near a centre.

    Args:
        waveform: ``"gaussian"`` or ``"legendre"``.
        dim: pixels d.
        topology: ``"chain"`` or ``"ring"``.
        amplitude: lowest and highest a.
        width: lowest and highest w in pixels.
        slots: N.
        p_exist: p, the expected number of waveforms being N p.
    """

    waveform: str
    dim: int
    topology: str
    amplitude: tuple[float, float]
    width: tuple[float, float]
    slots: int
    p_exist: float

    @property
    def positions(self) -> Array:
        """Of the pixels: 1 apart, centred on 0, ``(d,)``."""
        return np.arange(self.dim, dtype=np.float64) - (self.dim - 1) / 2

    @property
    def centres(self) -> tuple[float, float]:
        """Lowest and highest centre of a waveform."""
        reach = self.dim if self.topology == "chain" else (self.dim - 1) / 2
        return -float(reach), float(reach)

    def raw(self, seed: int, stream: int, index: npt.ArrayLike) -> Array:
        """Signals before scaling, noise and transform; signal i depends on (seed, stream, i) alone.

        Args:
            seed: of the data set.
            stream: one for each split.
            index: numbers of the signals ``(B,)``.

        Returns:
            ``(B, d)``.
        """
        shapes = WAVEFORMS[self.waveform].shapes
        uniform = counter_uniform(seed, stream, index, 4 * len(shapes) * self.slots)
        ranges = np.array([self.centres, self.amplitude, self.width])
        signals = np.zeros((len(uniform), self.dim))
        for i in range(len(shapes) * self.slots):
            present = np.flatnonzero(uniform[:, 4 * i] < self.p_exist / len(shapes))
            values = uniform[present, 4 * i + 1 : 4 * i + 4]
            centre, amplitude, width = (ranges[:, :1] + np.diff(ranges) * values.T)[:, :, None]
            r = offsets(self.positions, centre[:, 0], self.topology)
            signals[present] += amplitude * shapes[i % len(shapes)](r, width)
        return signals

    @lru_cache  # noqa: B019 (laws are few and small)
    def std(self) -> float:
        r"""Standard deviation over all signals and pixels, of the law and not of a sample.

        .. math:: \sigma^2 = \frac{1}{d} \sum_t E s_t^2 - \Bigl(\frac{1}{d} \sum_t E s_t\Bigr)^2

        The published code scales each batch by its own; this one is the same for every split,
        batch and process. Relative accuracy about 1e-5 (quadrature over centres and widths).
        """
        p = self.p_exist / len(WAVEFORMS[self.waveform].shapes)
        low, high = self.amplitude
        a1, a2 = (low + high) / 2, (low**2 + low * high + high**2) / 3
        first = np.zeros(self.dim)
        variance = np.zeros(self.dim)
        for b1, b2 in self._waveform_moments():
            first += self.slots * p * a1 * b1
            variance += self.slots * (p * a2 * b2 - (p * a1 * b1) ** 2)
        return float(np.sqrt((variance + first**2).mean() - first.mean() ** 2))

    def _waveform_moments(self) -> Iterator[tuple[Array, Array]]:
        """For each shape E b and E b² at each pixel ``(d,)``, over centres and widths.

        A pixel sees the integral of b over the window of offsets that the centres leave it: the
        difference of two values of one running integral.
        """
        step = 1 / (2 * math.ceil(max(32.0, 8 / self.width[0])))  # divides half a pixel
        reach = self.positions[-1] + self.centres[1]
        r = np.arange(round(2 * reach / step)) * step - reach + step / 2
        if self.topology == "ring":
            r = wrapped(r, self.dim)
        ends = self.positions[:, None] - np.array(self.centres) + reach
        last, first = np.round(ends / step).astype(int).T
        nodes, weights = np.polynomial.legendre.leggauss(64)
        low, high = self.width
        for shape in WAVEFORMS[self.waveform].shapes:
            sums = np.zeros((2, len(r) + 1))
            for node, weight in zip(nodes, weights, strict=True):
                b = shape(r, np.array(low + (high - low) * (node + 1) / 2))
                sums[:, 1:] += weight / 2 * np.stack([b, b * b])
            sums = np.cumsum(sums, axis=1) * step / (self.centres[1] - self.centres[0])
            b1, b2 = sums[:, last] - sums[:, first]
            yield b1, b2


class SignalsDataModule(DrawnDataModule):
    r"""Signals that are sums of local waveforms, seen through an orthogonal basis.

    .. math:: x = Q^\top (s / \sigma + \nu\, \varepsilon), \quad \varepsilon \sim N(0, I)

    with s of a ``SignalLaw``, σ its standard deviation, and the rows of Q the hidden basis. Nothing
    is subtracted. A signal without waveforms (3 % at the default) is noise alone. The training set
    is drawn once, as published; validation and test sets are other streams.

    Args:
        batch_size: samples a step and process (16,500 at d = 33 and 2,520 at d = 7 in the paper).
        eval_batch_size: samples a step in evaluation.
        waveform: ``gaussian``, or ``legendre``: two shapes that change sign, (l, m) = (2, 1) and
            (3, 1), each in ``slots`` slots that are filled half as often.
        dim: number of pixels d, at least 3.
        topology: whether the hidden line of pixels has ends (``chain``) or closes (``ring``).
        transform: the hidden basis: the pixels as they are (``natural``), in another order
            (``permuted``), sines (``frequency``: the discrete sine transform of type I), or drawn
            from the uniform law on orthogonal matrices (``random_orthogonal``); or any matrix, no
            basis (``linear``).
        transform_seed: of ``permuted``, ``random_orthogonal`` and ``linear``.
        condition: κ of ``linear``, largest over least singular value.
        samples: size of the training set (100 batches in the paper: 1,650,000 at d = 33).
        eval_samples: size of the validation set and of the test set.
        noise: ν, in units of σ.
        amplitude: lowest and highest amplitude; null for the published 0.5 … 1.5.
        width: lowest and highest width in pixels; null for the published 0.2 … 1.0 (standard
            deviation of a Gaussian) or 6 … 15 (window of a Legendre function).
        slots: most waveforms of a shape in a sample.
        p_exist: expected share of slots that are filled, over all shapes.
        dtype: ``float32`` or ``float64``.
        kwargs: options of ``VectorDataModule``.

    Raises:
        ValueError: for an unknown name, or a size, range or probability that cannot be.
    """

    def __init__(
        self,
        batch_size: int = 1000,
        eval_batch_size: int = 10_000,
        waveform: Literal["gaussian", "legendre"] = "gaussian",
        dim: int = 33,
        topology: Literal["chain", "ring"] = "chain",
        transform: Literal[
            "natural", "permuted", "frequency", "random_orthogonal", "linear"
        ] = "natural",
        transform_seed: int = 0,
        condition: float = 2.0,
        samples: int = 60_000,
        eval_samples: int = 10_000,
        noise: float = 0.05,
        amplitude: list[float] | None = None,
        width: list[float] | None = None,
        slots: int = 5,
        p_exist: float = 0.5,
        dtype: Literal["float32", "float64"] = "float32",
        **kwargs: Any,
    ) -> None:
        super().__init__(topology, dtype, batch_size, eval_batch_size, **kwargs)
        check_choice("waveform", waveform, tuple(WAVEFORMS))
        check_at_least(1, slots=slots)
        if not 0 < p_exist <= 1:
            raise ValueError(f"data.p_exist must be above 0 and at most 1, got {p_exist}")
        self.hide(dim, transform, transform_seed, samples, eval_samples, noise, condition)
        published = WAVEFORMS[waveform]
        self.law = SignalLaw(
            waveform,
            dim,
            topology,
            _range("amplitude", amplitude, published.amplitude),
            _range("width", width, published.width),
            slots,
            p_exist,
        )

    def raw(self, split: str, rows: npt.NDArray[np.int64]) -> Array:
        """Signals of these numbers ``(B, d)`` in units of the law's standard deviation."""
        return self.law.raw(self.split_seed, STREAMS[split], rows) / self.law.std()


def _range(
    name: str, given: list[float] | None, published: tuple[float, float]
) -> tuple[float, float]:
    """The range of a parameter, checked."""
    if given is None:
        return published
    if len(given) != 2 or not _LEAST <= given[0] <= given[1] < math.inf:
        raise ValueError(
            f"data.{name} must be two numbers, lowest and highest, of at least {_LEAST}, "
            f"got {given}"
        )
    return float(given[0]), float(given[1])
