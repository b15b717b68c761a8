"""Hidden domains of permuted pixels: how many are put where they belong, and false verdicts."""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any

from symmetry_pl.reproduce.experiment import Analysis, Experiment, System
from symmetry_pl.reproduce.lens_domain_nulls import nulls, said, wrong_verdicts

_CONFIG = "lens/domain_mnist.yaml"
_SEEDS = (0, 1, 2, 3)
_SIDES = (8, 14, 20, 28, 48)
_SOURCES = ("bumps", "patches", "shifted_mnist")
_FEWER = (300, 1000, 3000)
_CLOSED = (
    *(("bumps", "torus", h, w) for h, w in ((8, 8), (12, 20), (28, 28))),
    ("bumps", "cylinder", 10, 16),
    *(("spins", topology, 12, 12) for topology in ("torus", "cylinder")),
)
_OTHER_SHAPES = (("bumps", 8, 20), ("patches", 10, 24), ("spins", 12, 12), ("spins", 1, 40))
_ROTATED = ((8, 20_000), (12, 40_000), (20, 60_000))


def _images(
    source: str, height: int, width: int, samples: int | None, name: str, topology: str = ""
) -> System:
    few = f", {samples:,} samples" if samples else ""
    return System(
        name,
        f"{height} x {width}{few}",
        _CONFIG,
        f"{source}_{topology}" if topology else source,
        own=True,
        overrides=(
            f"--data.source={source}",
            f"--data.height={height}",
            f"--data.width={width}",
            *([f"--data.topology={topology}"] if topology else []),
            *([f"--data.samples={samples}"] if samples else []),
            f"--data.batch_size={min(500, samples or 500)}",
            "--trainer.max_epochs=1",
        ),
        seeds=_SEEDS,
    )


def _in_colour(source: str, side: int) -> System:
    grey = _images(source, side, side, None, f"{side}x{side}")
    return replace(
        grey,
        label=f"{side} x {side} x 3",
        dataset=f"{source}_in_colour",
        overrides=(*grey.overrides, "--data.channels=3", "--model.channels=3"),
    )


def _in_bits(source: str, side: int, bits: int) -> System:
    grey = _images(source, side, side, None, f"{side}x{side}x{bits}")
    return replace(
        grey,
        label=f"{side} x {side} x {bits}",
        dataset=f"{source}_in_bits",
        overrides=(*grey.overrides, f"--data.bits={bits}", f"--model.channels={bits}"),
    )


def _rotated(source: str, side: int, samples: int | None, widths: str = "") -> System:
    """Pixels behind a rotation; of digits as they are, all, and without noise."""
    noise = 0.05 if samples else 0.0
    return _mixed(source, side, samples, noise, "orthogonal", widths)


def _mixed(
    source: str,
    side: int,
    samples: int | None,
    noise: float,
    mixing: str,
    widths: str = "",
    condition: int = 0,
) -> System:
    said = [
        f"{side} x {side}",
        *([f"{samples:,} samples"] if samples else []),
        *([f"noise {noise}"] if noise else []),
        *([f"widths {widths[1:-1].replace(',', ' to ')}"] if widths else []),
        *([f"condition {condition}"] if condition else []),
    ]
    return System(
        f"{side}x{side}" + ("_wide" if widths else "") + (f"_{condition}" if condition else ""),
        ", ".join(said),
        _CONFIG,
        f"{source}_rotated" if mixing == "orthogonal" else f"{source}_mixed",
        own=True,
        overrides=(
            f"--data.source={source}",
            f"--data.height={side}",
            f"--data.width={side}",
            *([f"--data.samples={samples}"] if samples else []),
            f"--data.scramble={mixing}",
            *([f"--data.noise={noise}"] if noise else []),
            *([f"--data.widths={widths}"] if widths else []),
            *([f"--data.condition={condition}"] if condition else []),
            f"--model.mixing={mixing}",
            "--trainer.max_epochs=1",
        ),
        seeds=_SEEDS,
    )


def _slices(condition: int) -> System:
    """Slices of digits behind any matrix."""
    return System(
        f"27_{condition}",
        f"27 pixels, 200,000 samples, condition {condition}",
        _CONFIG,
        "mnist_slices_mixed",
        own=True,
        overrides=(
            "--data=MNISTSlicesDataModule",
            "--data.samples=200000",
            "--data.transform=linear",
            f"--data.condition={condition}",
            "--data.batch_size=1000",
            "--model.mixing=linear",
            "--trainer.max_epochs=1",
        ),
        seeds=_SEEDS,
    )


def _table(result: dict[str, Any]) -> str:
    """Exact places of images by source and size, and how often a verdict was wrong."""
    rows = {
        (row["dataset"], row["system"]): row
        for row in result["rows"]
        if row["metric"] == "exact_places"
    }
    sides = [f"{side}x{side}" for side in _SIDES]
    lines = ["| exact places (CPU-s) | " + " | ".join(sides) + " |", "|---" * 6 + "|"]
    for source in _SOURCES:
        cells = []
        for side in sides:
            row = rows.get((source, side))
            cells.append("–")
            if row is not None:
                cost = statistics.fmean(row["cpu_s"])
                cells[-1] = f"{min(row['values']):.4f} ({cost:.0f})"
        lines.append(f"| {source.replace('_', ' ')} | " + " | ".join(cells) + " |")
    seeds = max((len(row["values"]) for row in rows.values()), default=0)
    wrong = wrong_verdicts(result)
    return "\n".join(
        [
            *lines,
            "",
            f"The least of {seeds} seeds, each with another order; CPU-seconds of a whole run. "
            + said(wrong)
            + (
                " On seeds that no threshold was set on, so far: o" + said(wrong["fresh_seeds"])[1:]
                if wrong["fresh_seeds"]["without_a_domain"]["runs"]
                else ""
            ),
            "",
        ]
    )


EXPERIMENT = Experiment(
    name="lens/domains",
    title="Hidden domains of permuted pixels",
    dataset="bumps",
    systems=(
        *(
            _images(source, side, side, None, f"{side}x{side}")
            for source in _SOURCES
            for side in _SIDES
        ),
        *(
            _images(source, 28, 28, samples, f"28x28_{samples}")
            for source in (*_SOURCES, "mnist")
            for samples in _FEWER
        ),
        _images("mnist", 28, 28, None, "28x28"),
        *(_images("mnist_crops", side, side, None, f"{side}x{side}") for side in (15, 27)),
        *(_images(source, h, w, None, f"{h}x{w}") for source, h, w in _OTHER_SHAPES),
        *(_images(source, h, w, None, f"{h}x{w}", topology) for source, topology, h, w in _CLOSED),
        *(_in_colour(source, side) for source in ("bumps", "patches") for side in (8, 14, 20)),
        *(_in_bits("mnist_crops", 15, bits) for bits in (8, 4, 2)),
        *nulls(),
        *(_rotated("bumps", side, samples) for side, samples in _ROTATED),
        _rotated("bumps", 12, 40_000, "[0.8,1.6]"),
        _rotated("patches", 8, 20_000),
        *(_rotated("shifted_mnist", side, 20_000) for side in (10, 28)),
        _rotated("mnist_crops", 15, 20_000),
        _rotated("mnist", 28, None),
        *(
            _mixed("bumps", side, 20_000, 0.02, "linear", condition=condition)
            for side in (8, 12)
            for condition in (2, 10)
        ),
        _mixed("shifted_mnist", 10, 20_000, 0.02, "linear", condition=2),
        _mixed("spins", 8, 20_000, 0.0, "linear", condition=10),
        *(_slices(condition) for condition in (2, 10)),
        *nulls(fresh=True),
    ),
    metrics=(
        "exact_places",
        "exact_places_chance",
        "exact_channels",
        "generator_cosine",
        "generator_cosine_least",
        "generator_cosine_ceiling",
        "domain_found",
        "lattice_found",
        "stationary_found",
        "places_agreement",
        "completeness",
        "locality",
        "stationary_share",
        "stencil_error",
    ),
    notes=(
        "Each seed is another order of the pixels and another sample, 20,000 images where nothing "
        "else is said, of MNIST as it is 55,000. Places are up to the symmetries of the grid, of "
        "pixels that ever change; the cosine of true places of these pixels alone is its ceiling.",
        "“found” is the share of runs with the verdict that there is a domain, “lattice” that it "
        "has two axes, whether they end or close. Lines are laws of `LawsDataModule` that are "
        "chains or rings, stationary or not; data without a domain are its other laws and "
        "fields of `GraphFieldsDataModule`; one on a torus has a domain, and rows of its own "
        "(`graphs`). Fresh seeds are those that were looked at only when all thresholds were set. "
        "A cylinder closes along its width.",
        "Images in colour have three inputs to a place, all in one secret order; “exact channels” "
        "is the share of inputs of the right channel, up to the order of channels. In bits a place "
        "has the highest so many binary digits of its grey value instead.",
        "Rotated images are seen through a random orthogonal matrix, of another law for each seed, "
        "mixed ones through a matrix of the condition number said; cosines are those of true "
        "pixels. Tables whose columns nearly determine each other are left out there.",
        "CPU-seconds are those of a whole run, data and stencil included.",
    ),
    analysis=Analysis(wrong_verdicts, _table),
)
