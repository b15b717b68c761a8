"""Make a run's checkpoint one that comes with the package: small, with a card.

``python -m symmetry_pl.checkpoints.make NAME RUN --about TEXT --results stib_zinc --system flow``
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.core.files import atomic_file, atomic_write
from symmetry_pl.runs.provenance import package_version

__all__ = ["main", "make"]

_KEPT = (
    *("state_dict", "hyper_parameters", "symmetry_pl", "pytorch-lightning_version"),
    *("epoch", "global_step", "loops"),  # without which Lightning restores no model
)


def make(
    run: Path,
    folder: Path,
    about: str,
    results: dict[str, Any] | None,
    figures: dict[str, float],
) -> dict[str, Any]:
    """Write ``config.yaml``, ``checkpoints/last.ckpt`` and ``card.json`` into a folder.

    Weights are kept in half precision; loaded, they are of single precision again. What only a
    resumed fit needs is left out.

    Args:
        run: the run's folder.
        folder: where it shall lie; its name is the checkpoint's.
        about: one line on what it is.
        results: where its figures stand, if they do: ``file``, ``system``, ``dataset``, ``seed``.
        figures: the run's own figures of its test, by name.

    Returns:
        The card.
    """
    checkpoint = Checkpoint.read(run / "checkpoints" / "last.ckpt", "RUN")
    state = {key: checkpoint.state[key] for key in _KEPT if key in checkpoint.state}
    state["state_dict"] = {
        name: value.half() if value.is_floating_point() else value
        for name, value in state["state_dict"].items()
    }
    place = folder / "checkpoints" / "last.ckpt"
    place.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(place) as file:
        torch.save(state, file)
    config = yaml.safe_load((run / "config.yaml").read_text())
    config = {key: config[key] for key in ("seed_everything", "trainer", "model", "data")}
    config["data"]["init_args"].pop("root", None)  # a path of the machine it was trained on
    atomic_write(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False))
    record = json.loads((run / "metrics.json").read_text())
    card = {
        "name": folder.name,
        "about": about,
        "model": checkpoint.class_path.rpartition(".")[2],
        "data": config["data"]["class_path"].rpartition(".")[2],
        "targets": [] if checkpoint.data is None else checkpoint.data.target_labels,
        "results": results,
        "figures": figures,
        "commit": record.get("commit"),
        "version": package_version(),
        "weights": "half precision",
        "sha256": hashlib.sha256(place.read_bytes()).hexdigest(),
    }
    atomic_write(folder / "card.json", json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    return card


def main(args: Sequence[str] | None = None) -> None:
    """Command line of ``make``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("run", type=Path, help="the run's folder")
    parser.add_argument("--about", required=True, help="one line")
    parser.add_argument("--results", help="file below docs/results, without suffix; none if it")
    parser.add_argument("--system", help="and this row of it are of another training")
    parser.add_argument("--dataset")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figures", required=True, help="names of figures, with commas")
    o = parser.parse_args(args)
    record = json.loads((o.run / "metrics.json").read_text())["metrics"]
    figures = {name: record[f"test/{name}"] for name in o.figures.split(",")}
    results = None
    if o.results:
        results = {"file": o.results, "system": o.system, "dataset": o.dataset, "seed": o.seed}
    card = make(o.run, Path(__file__).parent / o.name, o.about, results, figures)
    print(json.dumps(card, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
