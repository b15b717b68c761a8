"""Redraw pictures of these pages: fit and test what each shows, and take the run's own figure.

``python docs/figures/redraw.py`` redraws all, ``… lens_signals sgm_densities`` some, and ``--list``
says what each shows. Runs are kept in ``lightning_logs/docs``; one that is there is not made again.
Pictures of results (``lens_sensitivity``, ``sgm_vae``, …) are drawn by ``symmetry reproduce``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RUNS = Path("lightning_logs/docs")


class Source(NamedTuple):
    """A run and one of its figures: config, options beside it, and `<stage>/<figure>`."""

    config: str
    figure: str
    options: tuple[str, ...] = ()


SINE = ("--data.transform=frequency",)
HELD_OUT = ("--data.test_fraction=0.2",)
SOURCES = {
    "clouds_elements": Source("sgm/clouds_molecules", "test/elements"),
    "domain_mnist_images": Source("lens/domain_mnist", "test/images"),
    "domain_mnist_places": Source("lens/domain_mnist", "test/places"),
    "isomers_property_plane": Source("stib/isomers_flow", "test/property_plane", HELD_OUT),
    "isomers_z0_moves": Source("stib/isomers_flow", "test/z0_moves_z1_stays", HELD_OUT),
    "lens_generator": Source("lens/gaussian", "test/generator", SINE),
    "lens_signals": Source("lens/gaussian", "test/signals", SINE),
    "sgm_color_densities": Source("sgm/mnist_color", "test/densities"),
    "sgm_color_prototypes": Source("sgm/mnist_color", "test/prototypes"),
    "sgm_densities": Source("sgm/mnist_affine", "test/densities"),
    "sgm_factors": Source("sgm/dsprites_affine", "test/factors"),
    "sgm_iterates": Source("sgm/mnist_affine", "test/iterates"),
    "sgm_orbits": Source("sgm/mnist_affine", "test/orbits"),
    "sgm_prototypes": Source("sgm/mnist_affine", "test/prototypes"),
    "spiral_latent_plane": Source("stib/spiral_flow", "test/latent_plane"),
}


def run_of(source: Source) -> Path:
    """Folder of the finished run that a figure is taken from, made where there is none."""
    words = [source.config, *source.options]
    name = "_".join(word.strip("-").replace("/", "_").replace("=", "_") for word in words)
    run = RUNS / name / "version_0"
    if not (run / "figures/test").is_dir():
        shutil.rmtree(run.parent, ignore_errors=True)
        config = ROOT / "configs" / f"{source.config}.yaml"
        place = (f"--log_root={RUNS}", f"--run_name={name}")
        _symmetry("fit", f"--config={config}", *source.options, *place)
        _symmetry("test", f"--ckpt_path={run / 'checkpoints/last.ckpt'}")
    return run


def _symmetry(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "symmetry_pl", *words], check=True)


def main(words: list[str]) -> None:
    """Redraw the named pictures, or all."""
    if words == ["--list"]:
        for name, source in SOURCES.items():
            print(f"{name}: {source.config} {' '.join(source.options)}, {source.figure}")
        return
    unknown = sorted(set(words) - SOURCES.keys())
    if unknown:
        raise SystemExit(f"no picture {unknown[0]!r}; there are {', '.join(SOURCES)}")
    for name in words or SOURCES:
        source = SOURCES[name]
        shutil.copyfile(run_of(source) / "figures" / f"{source.figure}.png", HERE / f"{name}.png")
        print(f"docs/figures/{name}.png")


if __name__ == "__main__":
    main(sys.argv[1:])
