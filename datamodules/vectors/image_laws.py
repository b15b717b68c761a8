"""Laws of images that are drawn: bumps, spins in equilibrium, and patches of two photographs."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_sample_images

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.datamodules.streams import STREAMS

__all__ = ["COLOURS", "bumps", "coloured_bumps", "patches", "quenched_spins", "spins"]

COLOURS = 3

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_PIXELS_A_BUMP = 40
_BEYOND = 3.0  # pixels past the border that centres of bumps may lie at
_SWEEPS = 60  # correlations of time fall by e in a few sweeps at these temperatures
_QUENCH = 10
_COUPLINGS = (1.0, 2.5)
_MARGIN = 4  # cells around a window of spins, so that its ring is out of sight
_STRIPS = {"train": (0.0, 0.7), "val": (0.7, 0.85), "test": (0.85, 1.0)}  # of a picture's width


def bumps(
    seed: int,
    stream: int,
    rows: Rows,
    shape: tuple[int, int],
    widths: tuple[float, float],
    rings: tuple[bool, bool] = (False, False),
) -> Array:
    r"""Sums of round Gaussian bumps whose centres are uniform in the image and around it.

    .. math:: s(r) = \sum_i e_i\, a_i \exp(-|r - c_i|^2 / 2 w_i^2), \quad
        e \sim \mathrm{Bernoulli}(1/2), \quad a \sim U(0.5, 1.5)

    with a slot for every 40 pixels, at least 5. Along an axis that closes, centres are uniform in
    the image, and bumps go on at the other side. Image i depends on (seed, stream, i) alone.

    Args:
        seed: of the data set.
        stream: one for each split.
        rows: numbers of the images ``(B,)``.
        shape: height and width.
        widths: lowest and highest w in pixels.
        rings: whether the rows go on at the other end, and the columns.

    Returns:
        ``(B, H, W)``.
    """
    slots = max(5, shape[0] * shape[1] // _PIXELS_A_BUMP)
    uniform = counter_uniform(seed, stream, rows, 5 * slots).reshape(-1, slots, 5)
    size = (uniform[..., 0] < 0.5) * (0.5 + uniform[..., 1])
    width = widths[0] + (widths[1] - widths[0]) * uniform[..., 2]
    lines = []
    for length, place, ring in zip(shape, (uniform[..., 3], uniform[..., 4]), rings, strict=True):
        centre = length * place if ring else (length - 1 + 2 * _BEYOND) * place - _BEYOND
        apart = np.arange(length) - centre[..., None]
        turns = (-length, 0, length) if ring else (0,)
        lines.append(sum(np.exp(-(((apart + turn) / width[..., None]) ** 2) / 2) for turn in turns))
    down, right = lines
    summed: Array = (down * size[..., None]).transpose(0, 2, 1) @ right
    return summed


def spins(
    seed: int,
    stream: int,
    rows: Rows,
    shape: tuple[int, int],
    coupling: float,
    rings: tuple[bool, bool] = (False, False),
) -> Array:
    """The Ising model in equilibrium, ±1: a chain is drawn exactly, a lattice by heat bath.

    Axes that end are windows of rings that are 8 cells longer; all is drawn after 60 sweeps from
    random spins: below the critical coupling of .4407 that is many times the time in which they
    forget.

    Args:
        seed: of the data set.
        stream: one for each split.
        rows: numbers of the samples ``(B,)``.
        shape: height and width; a height of 1 is a chain.
        coupling: β, of neighbours.
        rings: whether the rows go on at the other end, and the columns: of an even number.

    Returns:
        ``(B, H, W)``.
    """
    if shape[0] == 1:
        uniform = counter_uniform(seed, stream, rows, shape[1])
        kept = np.where(uniform < 1 / (1 + np.exp(-2 * coupling)), 1.0, -1.0)
        kept[:, 0] = np.where(uniform[:, 0] < 0.5, 1.0, -1.0)
        return np.asarray(np.cumprod(kept, axis=1), np.float64)[:, None]
    margins = [0 if ring else _MARGIN for ring in rings]
    height, width = (  # even: two colours
        length + 2 * margin + length % 2 for length, margin in zip(shape, margins, strict=True)
    )

    def drawn(sweep: int) -> Array:
        streams = stream + len(STREAMS) * sweep
        return counter_uniform(seed, streams, rows, height * width).reshape(-1, height, width)

    state = np.where(drawn(0) < 0.5, 1.0, -1.0)
    colour = np.add.outer(np.arange(height), np.arange(width)) % 2
    for sweep in range(1, _SWEEPS + 1):
        chance = drawn(sweep)
        for one in (0, 1):
            around = sum(np.roll(state, by, axis) for axis in (1, 2) for by in (1, -1))
            up = chance < 1 / (1 + np.exp(-2 * coupling * np.asarray(around)))
            state = np.where(colour == one, np.where(up, 1.0, -1.0), state)
    top, left = margins
    return state[:, top : top + shape[0], left : left + shape[1]]


def quenched_spins(seed: int, stream: int, rows: Rows, length: int) -> Array:
    """Ising chains, ±1, not yet in equilibrium: as Efe and Özakın (2026) draw them.

    The middle third of a chain that is three times as long, after ten sweeps of heat bath from
    random spins, even sites before odd ones; each sample has a coupling of its own, uniform between
    1 and 2.5.

    Args:
        seed: of the data set.
        stream: one for each split.
        rows: numbers of the samples ``(B,)``.
        length: of the chain.

    Returns:
        ``(B, 1, length)``.
    """

    def drawn(sweep: int) -> Array:
        return counter_uniform(seed, stream + len(STREAMS) * sweep, rows, 3 * length)

    low, high = _COUPLINGS
    coupling = low + (high - low) * drawn(_QUENCH + 1)[:, :1]
    state = np.where(drawn(0) < 0.5, 1.0, -1.0)
    for sweep in range(1, _QUENCH + 1):
        chance = drawn(sweep)
        for first in (0, 1):
            padded = np.pad(state, ((0, 0), (1, 1)))
            around = padded[:, :-2] + padded[:, 2:]
            up = chance < 1 / (1 + np.exp(-2 * coupling * around))
            state[:, first::2] = np.where(up, 1.0, -1.0)[:, first::2]
    return state[:, None, length : 2 * length]


def coloured_bumps(
    seed: int,
    stream: int,
    rows: Rows,
    shape: tuple[int, int],
    widths: tuple[float, float],
    rings: tuple[bool, bool] = (False, False),
) -> Array:
    r"""Three colours, each of bumps of its own and half of those of the two others.

    .. math:: x_c = s_c + \frac{1}{2} \sum_{b \ne c} s_b

    Arguments are those of ``bumps``.

    Returns:
        ``(B, 3, H, W)``.
    """
    own = np.stack(
        [
            bumps(seed, stream + len(STREAMS) * colour, rows, shape, widths, rings)
            for colour in range(COLOURS)
        ],
        1,
    )
    mixed: Array = (own + own.sum(1, keepdims=True)) / 2
    return mixed


def patches(
    seed: int, split: str, rows: Rows, shape: tuple[int, int], colour: bool = False
) -> Array:
    """Windows at random places of scikit-learn's two photographs, 0 … 1.

    Training windows lie in the left 70 % of a picture, validation and test windows in the next two
    strips of 15 %.

    Args:
        seed: of the data set.
        split: ``train``, ``val`` or ``test``.
        rows: numbers of the windows ``(B,)``.
        shape: height and width, at most 96.
        colour: red, green and blue instead of their mean.

    Returns:
        ``(B, H, W)``, in colour ``(B, 3, H, W)``.
    """
    pictures = _photographs() if colour else _grey_photographs()
    height, width = pictures.shape[1:3]
    low, high = (round(share * width) for share in _STRIPS[split])
    uniform = counter_uniform(seed, STREAMS[split], rows, 3)
    which = (uniform[:, 0] * len(pictures)).astype(np.int64)
    top = (uniform[:, 1] * (height - shape[0] + 1)).astype(np.int64)
    left = low + (uniform[:, 2] * (high - low - shape[1] + 1)).astype(np.int64)
    y = top[:, None, None] + np.arange(shape[0])[:, None]
    x = left[:, None, None] + np.arange(shape[1])
    windows: Array = pictures[which[:, None, None], y, x]
    return windows.transpose(0, 3, 1, 2) if colour else windows


@cache
def _photographs() -> Array:
    pictures: Array = np.stack([picture / 255 for picture in load_sample_images().images])
    return pictures


@cache
def _grey_photographs() -> Array:
    grey: Array = np.stack([picture.mean(2) / 255 for picture in load_sample_images().images])
    return grey
