"""Clouds in files: molecules by RDKit, meshes and scans by trimesh."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase

from symmetry_pl.messages import shortened

__all__ = [
    "MESHES",
    "MOLECULES",
    "Clouds",
    "read_file",
    "read_folder",
    "read_mesh",
    "read_molecules",
]

Array = npt.NDArray[np.float64]

MOLECULES = (".xyz", ".sdf", ".mol")
MESHES = (".ply", ".off", ".obj", ".stl")


class Clouds(NamedTuple):
    """Clouds as files hold them.

    Args:
        points: one ``(n, d)`` a row; empty where it could not be read.
        names: of the rows: the file, and the number of the molecule in it where it holds several.
        bad: row number to the reason why it cannot be used.
    """

    points: list[Array]
    names: list[str]
    bad: dict[int, str]


def read_folder(folder: Path, points: int | None, seed: int) -> Clouds:
    """All clouds in the files of a folder and its subfolders, in the order of their names.

    Args:
        folder: where they are.
        points: number of points drawn on the surface of a mesh; None takes its vertices.
        seed: of these draws; those of a file depend on its place alone.

    Raises:
        ValueError: if there is no such file.
    """
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in MOLECULES + MESHES)
    if not files:
        raise ValueError(
            f"data.path: {folder} has no file that ends in {', '.join(MOLECULES + MESHES)}"
        )
    found = Clouds([], [], {})
    for place, file in enumerate(files):
        part = read_file(file, points, seed + place)
        found.bad.update({len(found.points) + row: why for row, why in part.bad.items()})
        found.points.extend(part.points)
        base = str(file.relative_to(folder))
        several = len(part.points) > 1
        found.names.extend(f"{base}:{i}" if several else base for i in range(len(part.points)))
    return found


def read_file(file: Path, points: int | None, seed: int) -> Clouds:
    """The clouds of one file of molecules, or the one of a mesh."""
    if file.suffix.lower() in MOLECULES:
        return read_molecules(file)
    try:
        return Clouds([read_mesh(file, points, seed)], [file.name], {})
    except ModuleNotFoundError:
        raise
    except Exception as error:  # trimesh raises whatever it meets in a damaged file
        why = f"cannot be read: {shortened(str(error), 200)}"
        return Clouds([np.empty((0, 3))], [file.name], {0: why})


def read_molecules(file: Path) -> Clouds:
    """Positions of all atoms of each molecule, in Å, in the order of the file."""
    with rdBase.BlockLogs():
        molecules = _MOLECULES[file.suffix.lower()](file)
    found = Clouds([], [], {})
    for row, molecule in enumerate(molecules):
        if molecule is None or not molecule.GetNumConformers():
            found.bad[row] = "cannot be read as a molecule with coordinates"
            found.points.append(np.empty((0, 3)))
        else:
            found.points.append(np.asarray(molecule.GetConformer().GetPositions(), float))
        found.names.append(f"{file.name}:{row}")
    return found


def read_mesh(file: Path, points: int | None, seed: int) -> Array:
    """Points on the surface of a mesh, each part of it as likely as its area says.

    Args:
        file: one of ``MESHES``.
        points: their number; None takes the vertices. A scan without faces has only these.
        seed: of the draws.

    Raises:
        ModuleNotFoundError: without trimesh, in one sentence.
    """
    try:
        import trimesh
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{file} is read by trimesh, which is not installed: pip install symmetry_pl[clouds]"
        ) from error
    loaded: Any = trimesh.load(str(file), process=False)
    if isinstance(loaded, trimesh.Scene):
        loaded = loaded.to_mesh()
    faces = getattr(loaded, "faces", ())
    if points is None or not len(faces) or not loaded.area > 0:
        return np.asarray(loaded.vertices, float)
    drawn, _ = trimesh.sample.sample_surface(loaded, points, seed=seed)
    return np.asarray(drawn, float)


def _sdf(file: Path) -> list[Any]:
    return list(Chem.SDMolSupplier(str(file), sanitize=False, removeHs=False))


def _mol(file: Path) -> list[Any]:
    return [Chem.MolFromMolFile(str(file), sanitize=False, removeHs=False)]


def _xyz(file: Path) -> list[Any]:
    """The frames of a file, each with its number of atoms, a comment and a line for each atom."""
    lines = file.read_text(errors="replace").splitlines()
    found, start = [], 0
    while start < len(lines) and lines[start].strip():
        count = lines[start].split()[0]
        end = start + 2 + (int(count) if count.isdecimal() else len(lines))
        found.append(Chem.MolFromXYZBlock("\n".join(lines[start:end]) + "\n"))
        start = end
    return found


_MOLECULES: dict[str, Callable[[Path], list[Any]]] = {".sdf": _sdf, ".mol": _mol, ".xyz": _xyz}
