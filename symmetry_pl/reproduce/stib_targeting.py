"""Molecules of ZINC250k that are asked for their properties, on the protocol of FreeGress."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from symmetry_pl.reproduce.experiment import Analysis, Experiment, System

_CONFIG = "stib/zinc_targeting.yaml"
_TASKS = ("logp", "qed", "weight", "logp_qed")
_OURS, _BLIND = "running_sums", "no_sums"
_COUNTED = ("valid", "unique", "novel")
_SHAPE = ("slope", "low", "mid", "high", "drafts")

_WAYS = {
    "": ("one draw", ("mae", *_COUNTED, *_SHAPE)),
    "_plain": ("one draw that does not wait for its aim", ("mae", *_COUNTED, *_SHAPE)),
    "_best4": ("best of four draws by the model's own sums", ("mae", *_COUNTED, *_SHAPE)),
    "_unconditional": ("nothing asked, T = 1", ("mae", *_COUNTED)),
    "_retrieval": ("nearest training molecules", ("mae", *_COUNTED)),
}
"""Answers that one test gives: label and figures."""

_PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "graph diffusion, nothing asked": {"logp": 1.52, "qed": 0.15, "logp_qed": 0.83, "valid": 0.861},
    "DiGress with a regressor": {
        "logp": 0.74, "qed": 0.14, "weight": 20.92, "logp_qed": 0.35, "valid": 0.746,
    },
    "FreeGress": {"logp": 0.16, "qed": 0.04, "weight": 8.96, "logp_qed": 0.12, "valid": 0.807},
    "GrIDDD": {"logp": 0.19, "qed": 0.04, "weight": 4.89},
}  # fmt: skip
"""Mean absolute errors, and the least share of molecules among the tasks where it is given."""

_AIMS: Mapping[str, Mapping[str, float]] = {
    "aimed at, one draw": {
        "logp": 0.09, "qed": 0.035, "weight": 3.0, "logp_qed": 0.08,
        "valid": 0.97, "unique": 0.99, "novel": 0.97,
    },
    "aimed at, best of four": {"logp": 0.03, "qed": 0.018, "weight": 0.95, "logp_qed": 0.045},
}  # fmt: skip

_HEADER = (
    "| | log P | QED | weight [Da] | log P and QED | molecules [%] | different [%] | new [%] | "
    "slope | worst third over mean | drafts | oracle calls | CPU-s |"
)


def _stored() -> tuple[str, ...]:
    """Figures of all ways of answering, by task."""
    names = [
        f"asked_{task}{way}_{figure}"
        for task in _TASKS
        for way, (_, figures) in _WAYS.items()
        for figure in figures
    ]
    names += [f"asked_{task}_{figure}" for task in _TASKS for figure in ("mean", "mae_all")]
    return tuple(name for name in names if name not in _COLUMNS)


def _summary(values: Mapping[str, float], way: str) -> dict[str, float]:
    """A line of the short table from one run: the four errors, and the worst of the tasks."""

    def of(figure: str) -> list[float]:
        named = (f"asked_{task}{way}_{figure}" for task in _TASKS)
        return [values[name] for name in named if name in values]

    found = dict(zip(_TASKS, of("mae"), strict=True))
    found |= {name: min(shares) for name in _COUNTED if (shares := of(name))}
    if slopes := of("slope"):
        found["slope"] = max(slopes, key=lambda slope: abs(slope - 1))
        thirds = zip(of("low"), of("mid"), of("high"), of("mae"), strict=True)
        found["worst"] = max(max(three) / mae for *three, mae in thirds)
    if drafts := of("drafts"):
        found["drafts"] = max(drafts)
    return found


def _compute(result: dict[str, Any]) -> dict[str, Any]:
    """Lines of the short table: each a mean over seeds, with its standard deviation."""
    runs: dict[tuple[str, int], dict[str, float]] = {}
    cost: dict[tuple[str, int], float] = {}
    for row in result["rows"]:
        for seed, value, cpu in zip(row["seeds"], row["values"], row["cpu_s"], strict=True):
            runs.setdefault((row["system"], seed), {})[row["metric"]] = value
            cost[row["system"], seed] = cpu
    lines: dict[str, Any] = {}
    for system in (_OURS, _BLIND):
        of = {seed: values for (name, seed), values in runs.items() if name == system}
        for way in _WAYS:
            per_seed = {
                seed: _summary(values, way) | {"cpu_s": cost[system, seed]}
                for seed, values in of.items()
                if f"asked_{_TASKS[0]}{way}_mae" in values
            }
            if per_seed:
                lines[f"{system}{way}"] = _spread(list(per_seed.values()))
        if system == _OURS and of:
            constant = [{t: v[f"asked_{t}_mean"] for t in _TASKS} for v in of.values()]
            lines["mean"] = _spread(constant)
    return {"lines": lines, "seeds": {s: sum(n == s for n, _ in runs) for s in (_OURS, _BLIND)}}


def _spread(runs: list[dict[str, float]]) -> dict[str, list[float]]:
    """Mean and standard deviation over seeds of each figure; the latter is 0 of one seed."""
    values = {name: [run[name] for run in runs] for name in runs[0]}
    return {
        name: [statistics.fmean(v), statistics.stdev(v) if len(v) > 1 else 0.0]
        for name, v in values.items()
    }


def _table(result: dict[str, Any]) -> str:
    """Ways of answering by figures, with published ones and what was aimed at."""
    analysis = _compute(result)
    found = analysis["lines"]
    lines = [_HEADER, "|---" * 13 + "|"]
    for system, told in ((_OURS, ""), (_BLIND, ", without running sums")):
        for way, (label, _) in _WAYS.items():
            name = f"{system}{way}"
            if name in found and (system == _OURS or way in ("", "_unconditional")):
                own = way in ("", "_plain", "_best4")
                text = f"{label}{told}"
                trained = way != "_retrieval"
                lines.append(_line(f"**{text}**" if own else text, found[name], trained))
    if "mean" in found:
        lines.append(_line("always the mean", found["mean"], False))
    lines += [_line(f"*{name}*", _exact(values), False) for name, values in _AIMS.items()]
    lines += [
        _line(f"{name}, published", _exact(values), False) for name, values in _PUBLISHED.items()
    ]
    seeds = analysis["seeds"]
    words = f"{seeds[_OURS]} of the model, {seeds[_BLIND]} of the one without running sums"
    lines += ["", f"Test set; mean ± standard deviation over seeds: {words}."]
    return "\n".join(lines) + "\n"


def _exact(values: Mapping[str, float]) -> dict[str, list[float]]:
    """Figures of no seeds, which are written as they are."""
    return {name: [value] for name, value in values.items()}


def _line(label: str, values: Mapping[str, list[float]], trained: bool) -> str:
    """One line; what is not known is a dash. Nothing here asks an oracle."""
    digits = {"logp": 3, "qed": 3, "weight": 2, "logp_qed": 3, "slope": 2, "worst": 2, "drafts": 2}
    cells = []
    for name in (*_TASKS, *_COUNTED, "slope", "worst", "drafts"):
        scale = 100 if name in _COUNTED else 1
        cells.append(_cell(values.get(name), digits.get(name, 1), scale))
    cells.append("0")
    cells.append(_cell(values.get("cpu_s") if trained else None, 0))
    return f"| {label} | " + " | ".join(cells) + " |"


def _cell(value: list[float] | None, digits: int, scale: int = 1) -> str:
    if value is None:
        return "–"
    if len(value) == 1:
        return f"{scale * value[0]:.4g}"
    mean, deviation = (scale * x for x in value)
    text = f"{mean:.{digits}f}"
    return f"{text} ± {deviation:.{digits}f}" if deviation else text


_COLUMNS = (
    "nll_conditional",
    "nll_unconditional",
    *(f"asked_{task}_mae" for task in _TASKS),
)

EXPERIMENT = Experiment(
    name="stib/targeting",
    title="Molecules that are asked for their properties",
    dataset="zinc250k",
    systems=(
        System(_OURS, "told its running sums (ours)", _CONFIG, own=True),
        System(
            _BLIND,
            "told the aim alone",
            _CONFIG,
            overrides=("--model.estimates=none",),
            seeds=(0,),
        ),
    ),
    metrics=_COLUMNS,
    stored=_stored(),
    notes=(
        "100 held-out molecules lend their properties, ten molecules are drawn for each. Errors "
        "are mean absolute ones by RDKit over the molecules that it reads and that are one "
        "fragment; of two properties the mean of the two errors in their own units.",
        "Molecules, different and new ones, slope, thirds and drafts: the worst of the four tasks. "
        "Drafts are strings that were begun for a molecule. Different ones are of all that were "
        "drawn, new ones are no training molecules.",
        "One draw waits for its aim: the model's own sums make an end less likely that is off. "
        "A string that cannot end then breaks the grammar and is begun again, so that some of the "
        "drafts are in truth sorted out by the model's sums. One that does not wait stands below.",
        "The sums are near-copies of additive functions of RDKit, learned from training molecules: "
        "no oracle is called in drawing, and published graph diffusion has no such input. The "
        "model without them is what compares.",
        "Nearest training molecules: the ten nearest of the training set, none of them new.",
        "Published values are as other repositories quote FreeGress (Ninniri et al. 2024, Table 2) "
        "and GrIDDD (Ninniri et al. 2025, Table 2); we have not seen those pages. They are of 100 "
        "other molecules of another split, the best of several settings; a molecule counts there "
        "if it can be embedded in space, several fragments included.",
        "The seed is that of the split, of the training and of the draws. Strength, temperature "
        "and patience were chosen on validation molecules of another split (20240).",
    ),
    analysis=Analysis(_compute, _table),
)
