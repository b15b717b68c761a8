"""``symmetry export CKPT OUT``: a trained model as a graph that runs without this package."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.export.files import FORMATS, export
from symmetry_pl.runs.named import checkpoint_path
from symmetry_pl.runs.parser import SentenceParser

__all__ = ["main"]


def main(args: list[str]) -> int:
    """Write the file, and say what is in it.

    Raises:
        FileNotFoundError: if there is no such checkpoint.
        ValueError: if it cannot be exported, or the file is there already.
    """
    options = _parser().parse_args(args)
    out: Path = options.out
    if out.exists() and not options.overwrite:
        raise ValueError(f"{out} is there already: give another name, or --overwrite")
    path = checkpoint_path(Path(options.checkpoint).expanduser(), "symmetry export")
    found = export(Checkpoint.read(path, "export").model(), out)
    print(json.dumps(found.card, indent=2, ensure_ascii=False))
    said = (
        "not compared with the model: install onnxruntime"
        if found.difference is None
        else f"differs from the model by {found.difference:.1e} of its outputs' size"
    )
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, {said}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = SentenceParser(
        prog="symmetry export",
        description="Write what a trained model makes of inputs (codes, targets, prototypes, "
        "representations, images) as a graph that runs without this package, for any batch.",
    )
    parser.add_argument("checkpoint", help="a file, or a name of symmetry checkpoints")
    parser.add_argument("out", type=Path, help=f"the file to write, {' or '.join(FORMATS)}")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    return parser
