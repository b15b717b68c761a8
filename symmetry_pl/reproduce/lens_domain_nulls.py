"""Data without a domain, and lines, for lens/domains: how often its verdicts are wrong."""

from __future__ import annotations

from typing import Any

from symmetry_pl.reproduce.experiment import System

__all__ = ["LINE", "MIXED_NONE", "NONE", "ROTATED_NONE", "nulls", "said", "wrong_verdicts"]

_CONFIG = "lens/domain_mnist.yaml"
_SEEDS = (0, 1, 2, 3)
_FRESH = (100, 101, 102, 103)  # looked at only when all thresholds were set
_LAWS = (
    *("white", "coloured", "laplace", "laplace_scaled", "laplace_mixed", "uniform"),
    *("elliptical", "spherical", "volatility", "energies_random", "energies_tree"),
    *("positive_random", "positive_tree", "clusters", "dictionary", "skewed"),
    *("turned_exponentials", "diabetes", "breast_cancer", "wine", "digits", "trend"),
)
_GRAPHS = (
    *("tree", "random", "regular", "small_world", "modules", "triangles", "cube", "torus"),
    "everyone",
)
_ROTATED_LAWS = tuple(name for name in _LAWS if name not in ("breast_cancer", "digits", "wine"))
_LINES = ("chain", "wide_chain", "autoregression", "decays", "ring", "walk", "fading", "warped")
_SIZES = ((16, 3000), (36, 10_000), (64, 10_000))
_TORUS = "torus"  # a graph that is a domain: it keeps its number, and so its size and its runs
NONE, LINE, ROTATED_NONE = "without_a_domain", "lines", "rotated_without_a_domain"
MIXED_NONE = "mixed_without_a_domain"
"""Datasets of the nulls; those of seeds that no threshold was set on end in `_FRESHLY`."""
_FRESHLY = "_fresh_seeds"
_TRANSFORMS = {
    "permutation": "permuted",
    "orthogonal": "random_orthogonal",
    "linear": "linear",
}
"""What hides the law from a model of this mixing."""


def nulls(fresh: bool = False) -> tuple[System, ...]:
    """Rows of laws and graphs without a domain, of lines, and of such laws behind matrices."""
    return (
        *_laws(NONE, _LAWS, fresh=fresh),
        *_graphs(fresh),
        *_laws(LINE, _LINES, fresh=fresh),
        *_laws(ROTATED_NONE, _ROTATED_LAWS, "orthogonal", fresh),
        *_laws(MIXED_NONE, _ROTATED_LAWS, "linear", fresh),
    )


def _null(dataset: str, number: int, name: str, options: tuple[str, ...], fresh: bool) -> System:
    size, samples = _SIZES[number % len(_SIZES)]
    width = "size" if "GraphFields" in options[0] else "dim"
    return System(
        name,
        f"{name.replace('_', ' ')}, {size} numbers, {samples:,} samples",
        _CONFIG,
        dataset + (_FRESHLY if fresh else ""),
        overrides=(
            *options,
            f"--data.{width}={size}",
            f"--data.samples={samples}",
            "--data.batch_size=100",
            "--trainer.max_epochs=1",
        ),
        seeds=_FRESH if fresh else _SEEDS,
    )


def _laws(
    dataset: str, names: tuple[str, ...], mixing: str = "permutation", fresh: bool = False
) -> list[System]:
    return [
        _null(
            dataset,
            number,
            name,
            (
                "--data=LawsDataModule",
                f"--data.law={name}",
                f"--data.transform={_TRANSFORMS[mixing]}",
                *([] if mixing == "permutation" else [f"--model.mixing={mixing}"]),
            ),
            fresh,
        )
        for number, name in enumerate(names)
    ]


def _graphs(fresh: bool = False) -> list[System]:
    return [
        _null(
            "graphs" if name == _TORUS else NONE,
            number + len(uneven),
            f"graph_{name}" + ("_uneven" if uneven else ""),
            ("--data=GraphFieldsDataModule", f"--data.graph={name}", *uneven),
            fresh,
        )
        for uneven in ((), ("--data.uneven=0.5",))
        for number, name in enumerate(_GRAPHS)
    ]


def wrong_verdicts(result: dict[str, Any]) -> dict[str, Any]:
    """Runs and wrong verdicts of data without a domain, and of lines."""
    rows = [row for row in result["rows"] if row["metric"] in ("domain_found", "lattice_found")]

    def count(dataset: str, metric: str) -> tuple[int, int]:
        chosen = [
            value
            for row in rows
            if row["dataset"] == dataset and row["metric"] == metric
            for value in row["values"]
        ]
        return len(chosen), round(sum(chosen))

    def of_seeds(ending: str) -> dict[str, Any]:
        none, found = count(NONE + ending, "domain_found")
        rotated, seen = count(ROTATED_NONE + ending, "domain_found")
        mixed, held = count(MIXED_NONE + ending, "domain_found")
        lines, lattices = count(LINE + ending, "lattice_found")
        return {
            "without_a_domain": {"runs": none, "called_a_domain": found},
            "without_a_domain_rotated": {"runs": rotated, "called_a_domain": seen},
            "without_a_domain_mixed": {"runs": mixed, "called_a_domain": held},
            "lines": {"runs": lines, "called_a_lattice": lattices},
        }

    return {**of_seeds(""), "fresh_seeds": of_seeds(_FRESHLY)}


def said(wrong: dict[str, Any]) -> str:
    """A count of wrong verdicts as a sentence."""
    none, line = wrong["without_a_domain"], wrong["lines"]
    rotated, mixed = wrong["without_a_domain_rotated"], wrong["without_a_domain_mixed"]
    return (
        f"Of {none['runs']} runs on data without a domain {none['called_a_domain']} found one, of "
        f"{rotated['runs']} on such data behind a rotation {rotated['called_a_domain']}, "
        f"of {mixed['runs']} behind another matrix {mixed['called_a_domain']}, "
        f"and of {line['runs']} on lines {line['called_a_lattice']} a lattice."
    )
