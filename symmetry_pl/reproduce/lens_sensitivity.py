"""Table 5 of the SymmetryLens paper: elementary effects of its eight hyper-parameters."""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from symmetry_pl.reproduce.evidence import place
from symmetry_pl.reproduce.experiment import Analysis, Experiment, System
from symmetry_pl.reproduce.morris import Effects, Factor, MorrisPlan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRAJECTORIES = 8
_METRICS = ("generator_cosine", "lifting_error")
_NULL_SEEDS = tuple(range(5))

PAPER = {
    "density_rate": Effects(mu=0.08981, mu_star=0.09123, mu_star_conf=0.08902, sigma=0.10771),
    "symmetry_rate": Effects(mu=0.03309, mu_star=0.04060, mu_star_conf=0.04458, sigma=0.06588),
    "decay": Effects(mu=0.03529, mu_star=0.03682, mu_star_conf=0.05176, sigma=0.06890),
    "alignment": Effects(mu=0.02523, mu_star=0.05384, mu_star_conf=0.05455, sigma=0.08922),
    "uniformity": Effects(mu=0.05345, mu_star=0.05619, mu_star_conf=0.09583, sigma=0.10371),
    "resolution": Effects(mu=0.04455, mu_star=0.04938, mu_star_conf=0.06613, sigma=0.08628),
    "information": Effects(mu=0.07904, mu_star=0.07909, mu_star_conf=0.09634, sigma=0.11925),
    "noise": Effects(mu=0.00298, mu_star=0.01124, mu_star_conf=0.00578, sigma=0.01424),
}
"""Table 5: effects on the cosine, by the paper's four trajectories of Table 6; μ has no sign."""


@dataclass(frozen=True)
class Design:
    """One recipe around which all parameters are varied.

    Args:
        label: what a reader sees.
        config: shipped config.
        options: on top of it.
        plan: of the parameters.
    """

    label: str
    config: str
    options: tuple[str, ...]
    plan: MorrisPlan


def _around(value: float) -> tuple[float, float]:
    """A quarter on either side, the paper's range of rates and coefficients."""
    return 0.75 * value, 1.25 * value


def _plan(rates: tuple[Factor, ...]) -> MorrisPlan:
    coefficients = (
        Factor("alignment", "alignment a", *_around(1.0), ("--model.alignment",)),
        Factor("uniformity", "uniformity u", *_around(2.0), ("--model.uniformity",)),
        Factor("resolution", "resolution r", *_around(1.0), ("--model.resolution",)),
        Factor("information", "information i", *_around(1.0), ("--model.information",)),
        Factor("noise", "noise of the data", 0.0, 0.2, ("--data.noise",)),
    )
    return MorrisPlan((*rates, *coefficients), TRAJECTORIES)


_DENSITIES, _SYMMETRY = "--model.players.densities", "--model.players.symmetry"
_WARM_RATES = (
    Factor("density_rate", "learning rate of densities", *_around(4e-3), (f"{_DENSITIES}.lr",)),
    Factor("symmetry_rate", "learning rate of G and φ", *_around(5e-5), (f"{_SYMMETRY}.lr",)),
    Factor("decay", "decay of both rates", 0.1, 0.2, (f"{_SYMMETRY}.end", f"{_DENSITIES}.end")),
)
_SCRATCH_RATES = (
    Factor("density_rate", "rate of EM", *_around(0.03), ("--model.em_rate",)),
    Factor("symmetry_rate", "learning rate of G and φ", *_around(3e-3), (f"{_SYMMETRY}.lr",)),
    Factor("decay", "decay of that rate", 0.1, 0.2, (f"{_SYMMETRY}.end",)),
)

DESIGNS = {
    "warm_start": Design(
        "warm start + the paper's loss",
        "lens/gaussian.yaml",
        ("--data.dim=7", "--model.hidden=28"),
        _plan(_WARM_RATES),
    ),
    "from_scratch": Design(
        "from scratch, EM densities",
        "lens/scratch.yaml",
        ("--model.alignment=1",),
        _plan(_SCRATCH_RATES),
    ),
}
"""Dataset in the results file to what is varied there; the points are the same shares of ranges."""


def _name(trajectory: int, step: int) -> str:
    return f"t{trajectory}_{step}"


def _systems(dataset: str, design: Design) -> list[System]:
    """The recipe at several seeds, and the points of the plan; a trajectory has its own seed."""
    recipe = System(
        "recipe",
        design.label,
        design.config,
        dataset,
        own=True,
        overrides=design.options,
        seeds=_NULL_SEEDS,
    )
    systems, plan = [recipe], design.plan
    for trajectory, step in itertools.product(
        range(plan.trajectories), range(len(plan.factors) + 1)
    ):
        point = plan.points[trajectory, step]
        overrides = [
            option
            for factor, value in zip(plan.factors, point, strict=True)
            for option in factor.overrides(value)
        ]
        systems.append(
            System(
                _name(trajectory, step),
                _label(plan, trajectory, step),
                design.config,
                dataset,
                own=True,
                overrides=(*design.options, *overrides),
                seeds=(trajectory,),
            )
        )
    return systems


def _label(plan: MorrisPlan, trajectory: int, step: int) -> str:
    factor = plan.changed(trajectory, step)
    if factor is None:
        return f"trajectory {trajectory} begins"
    value = plan.points[trajectory, step, plan.factors.index(factor)]
    return f"{trajectory}.{step}: {factor.label} {value:.4g}"


def analyse(result: dict[str, Any]) -> dict[str, Any]:
    """The plans, and the effects over whole trajectories beside what another seed does.

    The null is the mean difference of two seeds of the recipe itself, over the step of the plan: a
    parameter that did nothing but change the random numbers would have it as its μ*.

    Args:
        result: content of the results file.

    Returns:
        Dataset to `seed`, `levels`, `factors`, `points` (one an entry of the plan, in the
        factors' units) and `metrics`: name to `trajectories`, `effects` and `null`.
    """
    return {dataset: _analysed(dataset, design, result) for dataset, design in DESIGNS.items()}


def _analysed(dataset: str, design: Design, result: dict[str, Any]) -> dict[str, Any]:
    plan, metrics = design.plan, {}
    for metric in _METRICS:
        rows = {place(row): row for row in result["rows"] if row["metric"] == metric}
        values = {
            (t, step): rows[where]["mean"]
            for t, step in itertools.product(range(plan.trajectories), range(len(plan.factors) + 1))
            if (where := (dataset, _name(t, step))) in rows
        }
        recipe = rows.get((dataset, "recipe"), {"values": []})["values"]
        pairs = [abs(a - b) / plan.delta for a, b in itertools.combinations(recipe, 2)]
        metrics[metric] = {
            "trajectories": plan.complete(values),
            "effects": plan.effects(values),
            "null": statistics.fmean(pairs) if pairs else None,
        }
    return {
        "seed": plan.seed,
        "levels": plan.levels,
        "factors": {f.name: [f.low, f.high] for f in plan.factors},
        "points": {
            _name(t, step): [float(f"{value:.6g}") for value in plan.points[t, step]]
            for t, step in itertools.product(range(plan.trajectories), range(len(plan.factors) + 1))
        },
        "metrics": metrics,
    }


def table(result: dict[str, Any]) -> str:
    """Effects of each parameter on cosine and lifting error, the paper's on its cosine beside.

    Args:
        result: content of the results file, with its analysis.
    """
    lines = [
        "| recipe | parameter | range | cosine: μ | μ* | σ | lifting error: μ* | "
        "paper, cosine: \\|μ\\| | μ* | σ |",
        "|---" * 10 + "|",
    ]
    notes = []
    for dataset, found in result["analysis"].items():
        design = DESIGNS[dataset]
        cosine, lifting = (found["metrics"][name] for name in _METRICS)
        whole = len(cosine["trajectories"])
        if whole < design.plan.trajectories:
            notes.append(
                f"Not made yet: {design.label}, {design.plan.trajectories - whole} of "
                f"{design.plan.trajectories} trajectories."
            )
        shown = f"**{design.label}**"
        for factor in design.plan.factors:
            if factor.name in cosine["effects"]:
                cells = [
                    *_cells(cosine["effects"][factor.name]),
                    _margin(lifting["effects"][factor.name]),
                    *_cells(PAPER[factor.name]),
                ]
                lines.append(
                    f"| {shown} | {factor.label} | {factor.low:g} – {factor.high:g} | "
                    + " | ".join(cells)
                    + " |"
                )
                shown = ""
        if cosine["null"] is not None:
            null = f"*another seed* | – | – | {cosine['null']:.5f} | – | {lifting['null']:.5f}"
            lines.append(f"| {shown} | {null} | – | – | – |")
    notes = [
        "Elementary effects of Morris: the change of a figure over the change of a parameter in "
        "units of its range, which is 2/3 of it. μ is their mean over trajectories, μ* the mean of "
        "their size ± its 95 % margin (bootstrap), σ their deviation.",
        "*Another seed*: the mean difference of two of the recipe's seeds "
        f"({len(_NULL_SEEDS)} of them), taken for an effect. A μ* that is no larger says nothing.",
        *notes,
    ]
    return "\n".join([*lines, "", *(f"- {note}" for note in notes)]) + "\n"


def _cells(effects: Effects) -> list[str]:
    return [f"{effects['mu']:.5f}", _margin(effects), f"{effects['sigma']:.5f}"]


def _margin(effects: Effects) -> str:
    return f"{effects['mu_star']:.5f} ± {effects['mu_star_conf']:.5f}"


_COLOURS = (
    "#000000", "#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7", "0.5",
)  # fmt: skip
_MARKERS = "osD^v<>P"
"""Okabe and Ito's colours, which all eyes tell apart, and a mark each for print in grey."""


def figure(result: dict[str, Any]) -> Figure | None:
    """σ against μ* of the effects on the cosine, one panel a recipe and one for the paper.

    Args:
        result: content of the results file.

    Returns:
        None before two trajectories of a recipe are whole.
    """
    panels: list[tuple[str, dict[str, Effects], float | None]] = []
    for dataset, found in result.get("analysis", {}).items():
        cosine = found["metrics"]["generator_cosine"]
        if cosine["effects"]:
            panels.append((DESIGNS[dataset].label, cosine["effects"], cosine["null"]))
    if not panels:
        return None
    from symmetry_pl.plots.basic import new_figure

    panels.append(("the paper, Table 5", PAPER, None))
    drawn = new_figure(len(panels), width=4.4)
    axes = drawn.subplots(1, len(panels), squeeze=False)[0]
    for axis, (title, effects, null) in zip(axes, panels, strict=True):
        for i, (name, one) in enumerate(effects.items()):
            axis.errorbar(
                one["mu_star"],
                one["sigma"],
                xerr=one["mu_star_conf"],
                fmt=_MARKERS[i],
                color=_COLOURS[i],
                capsize=2,
                elinewidth=0.8,
                label=name.replace("_", " "),
            )
        if null is not None:
            axis.axvline(null, color="0.5", linestyle="--", linewidth=1, label="another seed")
        axis.set(xlabel="μ* of the cosine", ylabel="σ", title=title, ylim=(0, None))
        axis.set_xlim(left=0)
        axis.ticklabel_format(scilimits=(-3, 3))
    axes[0].legend(frameon=False, fontsize=8)
    return drawn


EXPERIMENT = Experiment(
    name="lens/sensitivity",
    title="SymmetryLens, Table 5: elementary effects of eight hyper-parameters",
    dataset="warm_start",
    systems=tuple(s for dataset, design in DESIGNS.items() for s in _systems(dataset, design)),
    metrics=_METRICS,
    analysis=Analysis(analyse, table),
    figure=figure,
    notes=(
        "Each row is a point of a plan: `trajectory.step`, and what the step changes. The points "
        "are in the results file (`analysis`).",
        "7 Gaussian pixels. Ranges are the paper's: a quarter on either side of the recipe's "
        "rates and coefficients, decay .1 to .2, noise 0 to .2 (Table 6). Marginal densities of "
        "ours follow by EM; from scratch, where there is no other density, its rate takes the "
        "place of the estimators' learning rate.",
        "A trajectory of ours has its own seed, of data and training. The paper has four "
        "trajectories, 36 runs, by its own recipe; on which data, its text does not say.",
    ),
)
