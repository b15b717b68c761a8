"""``symmetry generate --ckpt_path … --like SMILES | --property name=value --n 200 --out FILE``."""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
from pathlib import Path
from typing import Any

import torch

from datamodules.csv_table import read_csv
from symmetry_pl.core import DataDescription
from symmetry_pl.generate.checkpoint import load_data, load_model
from symmetry_pl.generate.sampling import Codes, Outcome, encode, fix, generate, like, prior
from symmetry_pl.molecules import PROPERTIES, Vocabulary, canonical_smiles, representation
from symmetry_pl.stib.bottleneck import Bottleneck

__all__ = ["main"]

_CODES = 20_000  # training molecules whose codes are walked through
_COMPARED = 50_000  # training molecules that novelty is measured against without being asked


def main(args: list[str]) -> int:
    """Generate molecules and write them; say what was decoded and what was left out."""
    options = _parser().parse_args(args)
    if options.n < 1 or options.spread < 0:
        raise ValueError("--n must be at least 1 and --spread not negative")
    if (options.like is None) == (not options.property):
        raise ValueError("give either --like SMILES or --property name=value")
    model, data = load_model(Path(options.ckpt_path))
    assert isinstance(model, Bottleneck)
    wanted = dict(_named("--property", text, data) for text in options.property)
    within = dict(_named("--within", text, data) for text in options.within)
    if within and model.condition_dim:
        raise ValueError(f"--within: a {type(model).__name__} predicts no property to judge by")
    held = None if options.like is None else like(model, data, options.like)
    known = None if options.train is None else _training_file(options.train, options.smiles_column)
    codes, trained_on = _codes(model, data, Path(options.ckpt_path), options.seed)
    known = trained_on if known is None else known
    avoid: frozenset[str] = frozenset()
    if held is None:
        held = fix(codes, data, wanted)
    else:
        avoid = frozenset({canonical_smiles(options.like) or ""})
    near = options.like is not None
    outcome = generate(
        model, data, codes, held, options.n, near, options.spread, options.seed, avoid, within
    )
    _write(Path(options.out), _table(outcome, data))
    asked = _asked(held, model, data, wanted)
    print("\n".join(_report(outcome, options.n, Path(options.out), asked, data, known)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="symmetry generate",
        description="New molecules: Z1, which tells the properties, stays, and Z0 moves.",
    )
    add = parser.add_argument
    add("--ckpt_path", required=True, help="checkpoint of a model of molecules")
    add("--like", metavar="SMILES", help="keep the Z1 of this molecule")
    add(
        "--property",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="keep a Z1 that predicts this value, in the property's unit; may be repeated",
    )
    add(
        "--within",
        action="append",
        default=[],
        metavar="NAME=DISTANCE",
        help="leave out molecules that the model, encoding them again, predicts farther away",
    )
    add("--n", type=int, default=200, help="molecules wanted")
    add("--out", required=True, help="CSV file to write")
    add("--seed", type=int, default=0, help="seed of the walk")
    add(
        "--spread",
        type=float,
        default=0.2,
        help="noise on Z0 in its standard deviations; more gives newer molecules, fewer valid",
    )
    add("--train", metavar="CSV", help="molecules that novelty is measured against")
    add("--smiles_column", default="smiles", help="column of molecules in that file")
    return parser


def _named(option: str, text: str, data: DataDescription) -> tuple[str, float]:
    """Name of a target and number of one ``name=number``."""
    name, _, value = text.partition("=")
    if name not in data.target_names:
        known = ", ".join(data.target_names)
        raise ValueError(f"{option}: the model knows no {name!r}, only {known}")
    try:
        return name, float(value)
    except ValueError:
        raise ValueError(f"{option} must be {name}=number, got {text!r}") from None


def _training_file(path: str, column: str) -> set[str]:
    """Canonical SMILES of a file's molecules."""
    columns = read_csv(path, [column]).columns
    if column not in columns:
        raise ValueError(f"--train: {path} has no column {column!r} (--smiles_column)")
    return {c for text in columns[column] if (c := canonical_smiles(text.strip()))}


def _codes(
    model: Bottleneck, data: DataDescription, checkpoint: Path, seed: int
) -> tuple[Codes, set[str] | None]:
    """Codes of training molecules, and these if they are not too many; else of the prior."""
    generator = torch.Generator().manual_seed(seed)
    try:
        training = load_data(checkpoint, data).training_set
    except (ValueError, FileNotFoundError) as error:
        print(f"Z0 is drawn from its prior, as the training data cannot be read: {error}")
        return prior(model, data, _CODES, generator), None
    rows = torch.randperm(len(training), generator=generator)[:_CODES]
    x, y = training.tokens[rows], training.y[rows]
    if len(training) > _COMPARED:
        return encode(model, x, y), None
    vocabulary, language = Vocabulary(data.symbols), representation(data.representation)
    smiles = (language.decode(symbols) for symbols in vocabulary.decode(training.tokens))
    return encode(model, x, y), {c for s in smiles if s and (c := canonical_smiles(s))}


def _asked(
    held: Codes, model: Bottleneck, data: DataDescription, wanted: dict[str, float]
) -> dict[str, float]:
    """Target to the value that the generated molecules should have, in its own unit."""
    if wanted:
        return wanted
    return dict(zip(data.target_names, model.physical(held.y)[0].tolist(), strict=True))


def _labels(data: DataDescription) -> list[str]:
    units = data.target_units or ("",) * len(data.target_names)
    return [f"{n}_{u}" if u else n for n, u in zip(data.target_names, units, strict=True)]


def _table(outcome: Outcome, data: DataDescription) -> list[dict[str, Any]]:
    """One row a molecule: predicted and computed properties, and its code."""
    rows = []
    for molecule in outcome.molecules:
        row: dict[str, Any] = {"smiles": molecule.smiles}
        if molecule.y is not None:
            for label, value in zip(_labels(data), molecule.y.tolist(), strict=True):
                row[f"predicted_{label}"] = value
        row |= {name: function(molecule.smiles) for name, function in PROPERTIES.items()}
        for part, code in (("z0", molecule.z0), ("z1", molecule.z1)):
            if code is not None:
                row |= {f"{part}_{i}": value for i, value in enumerate(code.tolist())}
        rows.append(row)
    return rows


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    """The whole file or none of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]) if rows else ["smiles"])
            writer.writeheader()
            writer.writerows(rows)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


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
        unit = data.target_units[i] if data.target_units else ""
        line = f"{name}: {value:.4g} {unit}".rstrip() + " asked for"
        predicted = [float(m.y[i]) for m in found if m.y is not None]
        if predicted:
            line += f"; predicted for the molecules, mean error {_error(predicted, value):.3g}"
        computed = PROPERTIES.get(f"{name.removesuffix('_rdkit')}_rdkit")
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
