"""``symmetry checkpoints [NAME]``: what comes with the package, or the card of one."""

from __future__ import annotations

import argparse
import json

from symmetry_pl.runs.named import NamedCheckpoint, checkpoint_path, named_checkpoints
from symmetry_pl.runs.parser import SentenceParser

__all__ = ["main"]


def main(args: list[str]) -> int:
    """Print a table of the checkpoints, or one card.

    Raises:
        FileNotFoundError: if there is no checkpoint of that name.
    """
    options = _parser().parse_args(args)
    known = named_checkpoints()
    if options.name is None:
        print("\n".join(_table(list(known.values()))))
        return 0
    if options.name not in known:
        checkpoint_path(options.name, "symmetry checkpoints")
    print(json.dumps(known[options.name].card, indent=2, ensure_ascii=False))
    print(f"file: {known[options.name].path}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = SentenceParser(
        prog="symmetry checkpoints",
        description="Trained models that come with the package. Their names do wherever an option "
        "takes a checkpoint: --ckpt_path, --init_weights, --init_from, and symmetry_pl.load.",
    )
    parser.add_argument("name", nargs="?", help="print the card of this one")
    return parser


def _table(found: list[NamedCheckpoint]) -> list[str]:
    if not found:
        return ["no checkpoint comes with this copy of the package"]
    rows = [("name", "MB", "model", "what it is")]
    rows += [
        (c.name, f"{c.path.stat().st_size / 1e6:.1f}", c.card["model"], c.card["about"])
        for c in found
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return ["  ".join([*(t.ljust(w) for t, w in zip(r, widths, strict=False)), r[3]]) for r in rows]
