"""From a checkpoint and options to tables of new molecules."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from symmetry_pl.core import DataDescription
from symmetry_pl.core.files import atomic_write
from symmetry_pl.datamodules.files.csv_table import read_csv
from symmetry_pl.generate.asked import askable
from symmetry_pl.generate.checkpoint import load_model
from symmetry_pl.generate.judging import computed_property
from symmetry_pl.generate.sampling import Outcome
from symmetry_pl.generate.series import write_series
from symmetry_pl.generate.source import CodeSource, DrawSource
from symmetry_pl.generate.table import csv_text, table, unit_of
from symmetry_pl.generate.values import Answer
from symmetry_pl.generate.wanted import far_off, named, several, values
from symmetry_pl.molecules import canonical_smiles
from symmetry_pl.runs.named import checkpoint_path
from symmetry_pl.stib.property_generator import PropertyGenerator

__all__ = ["run"]


def run(options: argparse.Namespace, args: list[str]) -> int:
    """Generate molecules and write them; say what was decoded and what was left out.

    Args:
        options: as ``generate.command`` parses them.
        args: what they were parsed from, for the record.

    Raises:
        ValueError: for an option or a checkpoint that cannot be used, as ``FileNotFoundError``.
    """
    if options.n < 1 or options.spread < 0:
        raise ValueError("--n must be at least 1 and --spread not negative")
    if (options.like is None) == (not options.property):
        raise ValueError("give either --like SMILES or --property name=value")
    checkpoint, out = checkpoint_path(options.ckpt_path, "--ckpt_path"), Path(options.out)
    model, data = load_model(checkpoint)
    names = askable(model, data) if isinstance(model, PropertyGenerator) else data.target_names
    wanted = dict(values(text, data, names) for text in options.property)
    one = several(wanted, out)
    within = dict(named("--within", text, data, names) for text in options.within)
    _check_judge(options, within)
    source = (
        DrawSource(model, data, options, within)
        if isinstance(model, PropertyGenerator)
        else CodeSource(model, data, options, within, checkpoint)
    )
    known = source.known
    if options.train is not None:
        known = _training_file(options.train, options.smiles_column)
    print("".join(f"{line}\n" for line in far_off(wanted, data)), end="")
    if one is not None:
        fixed = {name: numbers[0] for name, numbers in wanted.items() if name != one}
        answers = []
        for value in wanted[one]:
            answers.append(Answer.of(value, source.decode({**fixed, one: value}), one, data))
        outcomes = [answer.outcome for answer in answers]
        about = _about(options, type(model).__name__, args) | {"fixed": fixed, "within": within}
        about |= {"judge": options.judge, "oracle_calls": _oracle_calls(outcomes)}
        print("\n".join(write_series(out, answers, one, data, known, source.error(one), about)))
        _say_oracle(options, outcomes)
        return 0
    asked = {name: numbers[0] for name, numbers in wanted.items()}
    outcome = source.decode(asked)
    asked = asked or source.held
    print("\n".join(_report(outcome, options.n, out, asked, data, known)))
    _say_oracle(options, [outcome])
    atomic_write(out, csv_text(table(outcome, data)))
    return 0


def _about(options: argparse.Namespace, model: str, args: list[str]) -> dict[str, Any]:
    """What decides the molecules, for the summary."""
    return {
        "command": shlex.join(["symmetry", "generate", *args]),
        "model": model,
        "n": options.n,
        "seed": options.seed,
        "spread": options.spread,
    }


def _training_file(path: str, column: str) -> set[str]:
    """Canonical SMILES of a file's molecules."""
    columns = read_csv(path, [column], delimiter=None).columns
    if column not in columns:
        raise ValueError(f"--train: {path} has no column {column!r} (--smiles_column)")
    return {c for text in columns[column] if (c := canonical_smiles(text.strip()))}


def _check_judge(options: argparse.Namespace, within: dict[str, float]) -> None:
    if options.judge != "model" and not within:
        raise ValueError(
            f"--judge {options.judge}: say how near molecules must be with --within name=distance"
        )


def _say_oracle(options: argparse.Namespace, outcomes: list[Outcome]) -> None:
    """What choosing has cost."""
    if options.judge == "rdkit":
        print(
            f"oracle calls: {_oracle_calls(outcomes)}, molecules that RDKit was asked about to "
            "choose among them"
        )


def _oracle_calls(outcomes: list[Outcome]) -> int:
    return sum(outcome.oracle_calls for outcome in outcomes)


def _report(
    outcome: Outcome,
    n: int,
    path: Path,
    asked: dict[str, float],
    data: DataDescription,
    known: set[str] | None,
) -> list[str]:
    """What a user wants to know of the file."""
    found = outcome.molecules
    lines = [f"{len(found)} molecules in {path}"]
    if len(found) < n:
        lines[0] = f"only {len(found)} of {n} molecules in {path}"
    for name, value in asked.items():
        i = data.target_names.index(name)
        line = f"{name}: {value:.4g} {unit_of(name, data)}".rstrip() + " asked for"
        predicted = [float(m.y[i]) for m in found if m.y is not None]
        if predicted:
            line += f"; predicted for the molecules, mean error {_error(predicted, value):.3g}"
        computed = computed_property(name)
        if computed is not None and found:
            true = [computed(m.smiles) for m in found]
            line += f"; computed by RDKit, mean error {_error(true, value):.3g}"
        lines.append(line)
    what = f"strings drawn, {outcome.drafts} begun" if outcome.drafts else "codes decoded"
    lines.append(
        f"{outcome.decoded} {what}: validity {outcome.validity:.3f}, uniqueness "
        f"{outcome.uniqueness:.3f}; left out {outcome.invalid} invalid, "
        f"{outcome.duplicates} duplicates, {outcome.strays} beyond --within"
    )
    if known is None:
        lines.append("novelty: give the training molecules with --train to measure it")
    else:
        lines.append(f"novelty {outcome.novelty(known):.3f}, against {len(known)} molecules")
    return lines


def _error(values: list[float], target: float) -> float:
    return sum(abs(v - target) for v in values) / len(values)
