"""``symmetry generate --ckpt_path … --like SMILES | --property name=value --n 200 --out FILE``."""

from __future__ import annotations

import argparse

from symmetry_pl.runs.parser import SentenceParser

__all__ = ["main"]


def main(args: list[str]) -> int:
    """Generate molecules and write them; say what was decoded and what was left out."""
    options = _parser().parse_args(args)
    from symmetry_pl.generate.run import run  # heavy, and --help needs none of it

    return run(options, args)


def _parser() -> argparse.ArgumentParser:
    parser = SentenceParser(
        prog="symmetry generate",
        description="New molecules: Z1, which tells the properties, stays, and Z0 moves. A "
        "PropertyGenerator is told the properties and draws.",
    )
    add = parser.add_argument
    add("--ckpt_path", required=True, help="checkpoint of a model of molecules")
    add("--like", metavar="SMILES", help="keep the Z1 of this molecule")
    add(
        "--property",
        action="append",
        default=[],
        metavar="NAME=VALUE[,VALUE…]",
        help="keep a Z1 that predicts this value, or ask for it, in the property's unit; may be "
        "repeated; several values of one property give so many rows of molecules",
    )
    add(
        "--within",
        action="append",
        default=[],
        metavar="NAME=DISTANCE",
        help="leave out molecules that the judge says are farther away",
    )
    add(
        "--judge",
        choices=["model", "rdkit"],
        default="model",
        help="of --within: the model, which predicts the property of its molecules again or has "
        "summed it up; or RDKit, an oracle whose calls are counted",
    )
    add("--n", type=int, default=200, help="molecules wanted, of each value")
    add("--out", required=True, help="CSV file to write; a folder if a property has several values")
    add("--seed", type=int, default=0, help="seed of the walk")
    add(
        "--spread",
        type=float,
        default=0.1,
        help="noise on Z0 in its standard deviations; more gives newer molecules, fewer valid",
    )
    add("--train", metavar="CSV", help="molecules that novelty is measured against")
    add("--smiles_column", default="smiles", help="column of molecules in that file")
    return parser
