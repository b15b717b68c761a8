"""From a checkpoint and options to tables of new molecules."""

from __future__ import annotations

import argparse
import math
import shlex
from functools import partial
from pathlib import Path
from typing import Any

import torch

from symmetry_pl.core import DataDescription
from symmetry_pl.core.files import atomic_write
from symmetry_pl.datamodules.files.csv_table import read_csv
from symmetry_pl.datamodules.molecules.molecule_data import MoleculeDataModule
from symmetry_pl.generate.checkpoint import load_data, load_model
from symmetry_pl.generate.sampling import Codes, Outcome, encode, fix, generate, like, prior
from symmetry_pl.generate.series import write_series
from symmetry_pl.generate.table import computed_property, csv_text, table, unit_of
from symmetry_pl.generate.values import Answer, held_out_error
from symmetry_pl.molecules import Vocabulary, canonical_smiles, representation
from symmetry_pl.runs.named import checkpoint_path
from symmetry_pl.stib.invariance import InvarianceModule

__all__ = ["run"]

_CODES = 20_000  # training molecules whose codes are walked through
_COMPARED = 50_000  # training molecules that novelty is measured against without being asked


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
    wanted = dict(_values(text, data) for text in options.property)
    several = _several(wanted, out)
    within = dict(_named("--within", text, data) for text in options.within)
    if within and model.needs_targets:
        raise ValueError(f"--within: a {type(model).__name__} predicts no property to judge by")
    held = None if options.like is None else like(model, data, options.like)
    known = None if options.train is None else _training_file(options.train, options.smiles_column)
    molecules = _data(checkpoint, data)
    codes, trained_on = _codes(model, data, molecules, options.seed)
    known = trained_on if known is None else known
    decode = partial(
        generate,
        model,
        data,
        codes,
        n=options.n,
        spread=options.spread,
        seed=options.seed,
        within=within,
    )
    if several is not None:
        fixed = {name: values[0] for name, values in wanted.items() if name != several}
        answers = []
        for value in wanted[several]:
            outcome = decode(held=fix(codes, data, {**fixed, several: value}))
            answers.append(Answer.of(value, outcome, several, data))
        own = None if molecules is None else held_out_error(model, data, molecules, several)
        about = _about(options, type(model).__name__, args) | {"fixed": fixed, "within": within}
        print("\n".join(write_series(out, answers, several, data, known, own, about)))
        return 0
    asked = {name: values[0] for name, values in wanted.items()}
    if held is None:
        outcome = decode(held=fix(codes, data, asked))
    else:
        avoid = frozenset({canonical_smiles(options.like) or ""})
        outcome = decode(held=held, near=True, avoid=avoid)
        physical = model.physical(held.y)[0].tolist()
        asked = dict(zip(data.target_names, physical, strict=True))
    print("\n".join(_report(outcome, options.n, out, asked, data, known)))
    atomic_write(out, csv_text(table(outcome, data)))
    return 0


def _named(option: str, text: str, data: DataDescription) -> tuple[str, float]:
    """Name of a target and number of one ``name=number``."""
    name, _, value = text.partition("=")
    if name not in data.target_names:
        known = ", ".join(data.target_names)
        raise ValueError(f"{option}: the model knows no {name!r}, only {known}")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{option} must be {name}=number, got {text!r}")
    return name, number


def _values(text: str, data: DataDescription) -> tuple[str, list[float]]:
    """Name of a target and numbers of one ``name=number,number,…``."""
    name, _, values = text.partition("=")
    numbers = [_named("--property", f"{name}={value}", data)[1] for value in values.split(",")]
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"--property: {text!r} has a value twice")
    return name, numbers


def _several(wanted: dict[str, list[float]], out: Path) -> str | None:
    """The property with several values, if there is one, where ``out`` can hold the result."""
    names = [name for name, values in wanted.items() if len(values) > 1]
    if len(names) > 1:
        raise ValueError(
            f"--property: {names[0]} and {names[1]} have several values, only one may have them"
        )
    if names and out.exists() and not out.is_dir():
        raise ValueError(f"--out: several values are written to a folder, and {out} is a file")
    if not names and out.is_dir():
        raise ValueError(f"--out: molecules are written to a file, and {out} is a folder")
    return names[0] if names else None


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


def _data(checkpoint: Path, data: DataDescription) -> MoleculeDataModule | None:
    """What the model was trained on, where it can be read."""
    try:
        return load_data(checkpoint, data)
    except (ValueError, FileNotFoundError) as error:
        print(f"Z0 is drawn from its prior, as the training data cannot be read: {error}")
        return None


def _codes(
    model: InvarianceModule, data: DataDescription, molecules: MoleculeDataModule | None, seed: int
) -> tuple[Codes, set[str] | None]:
    """Codes of training molecules or of the prior, and these molecules if not too many."""
    generator = torch.Generator().manual_seed(seed)
    if molecules is None:
        return prior(model, data, _CODES, generator), None
    training = molecules.training_set
    if model.samples:
        codes = prior(model, data, _CODES, generator)
    else:
        rows = torch.randperm(len(training), generator=generator)[:_CODES]
        codes = encode(model, training.tokens[rows], training.y[rows])
    if len(training) > _COMPARED:
        return codes, None
    vocabulary, language = Vocabulary(data.symbols), representation(data.representation)
    smiles = (language.decode(symbols) for symbols in vocabulary.decode(training.tokens))
    return codes, {c for s in smiles if s and (c := canonical_smiles(s))}


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
    lines.append(
        f"{outcome.decoded} codes decoded: validity {outcome.validity:.3f}, uniqueness "
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
