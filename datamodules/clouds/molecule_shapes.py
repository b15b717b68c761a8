"""Shapes of molecules: heavy atoms of a conformer, in axes of their own or those of a part."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom

__all__ = ["conformer", "own_axes", "part_of", "shape_from", "shape_text"]

Array = npt.NDArray[np.float64]

_NONE, _FAULT = "-", "!"  # how a text begins that is no shape


@lru_cache(maxsize=8)
def part_of(smarts: str) -> Any:
    """The pattern that ``data.scaffold`` says.

    Raises:
        ValueError: if it is no SMARTS, or of fewer than 3 atoms.
    """
    with rdBase.BlockLogs():
        pattern: Any = Chem.MolFromSmarts(smarts)
    if pattern is None or pattern.GetNumAtoms() < 3:
        raise ValueError(f"data.scaffold must be a SMARTS of 3 atoms at least, got {smarts!r}")
    return pattern


def conformer(smiles: str, seed: int = 0, scaffold: str = "") -> Array | str | None:
    """Heavy atoms of a molecule in its own axes ``(n, 3)``, in Å; or in a clause why not.

    Args:
        smiles: of the molecule.
        seed: of ETKDG.
        scaffold: SMARTS of a part whose axes are taken instead; None for a molecule that does not
            have it once.

    >>> conformer("CCO")
    'has 3 heavy atoms, and 4 are needed at least'
    """
    with rdBase.BlockLogs():
        molecule: Any = Chem.MolFromSmiles(smiles)
        if molecule is None:
            return "is no SMILES of a molecule"
        matches = molecule.GetSubstructMatches(part_of(scaffold)) if scaffold else [()]
        if len(matches) != 1:
            return None
        heavy = molecule.GetNumAtoms()
        if heavy < 4:
            return f"has {heavy} heavy atoms, and 4 are needed at least"
        whole = Chem.AddHs(molecule)
        if rdDistGeom.EmbedMolecule(whole, randomSeed=seed, maxAttempts=20) != 0:
            return "has no conformer that ETKDG finds"
        positions = np.asarray(whole.GetConformer().GetPositions(), float)[:heavy]
    turned = _axes_of(positions, matches[0]) if scaffold else own_axes(positions)
    return "has its heavy atoms in a line" if turned is None else turned


def own_axes(positions: Array) -> Array | None:
    """Points ``(n, 3)`` about their mean along their principal axes; None where these are no three.

    The first two point to where the third moment is positive, the third is their cross product.
    """
    x = positions - positions.mean(0)
    _, singular, axes = np.linalg.svd(x, full_matrices=False)
    if singular[1] < 1e-2 * singular[0]:
        return None
    signs = np.where(((x @ axes[:2].T) ** 3).sum(0) < 0, -1.0, 1.0)
    first, second = axes[:2] * signs[:, None]
    turned: Array = x @ np.stack([first, second, np.cross(first, second)]).T
    return turned


def _axes_of(positions: Array, part: tuple[int, ...]) -> Array | None:
    """Points about their mean, x from the first to the second atom of a part, y towards the third.

    None where these three are in a line.
    """
    one, two, three = positions[list(part[:3])]
    x = (two - one) / np.linalg.norm(two - one)
    y = three - one - x * (x @ (three - one))
    length = float(np.linalg.norm(y))
    if length < 1e-2:
        return None
    y = y / length
    turned: Array = (positions - positions.mean(0)) @ np.stack([x, y, np.cross(x, y)]).T
    return turned


def shape_text(shape: Array | str | None) -> str:
    """What ``conformer`` gives as a line of text, lengths to 10⁻⁴ Å.

    >>> shape_text(np.array([[0.0, 1.5, -2.0]])), shape_text(None)
    ('0.0000 1.5000 -2.0000', '-')
    """
    if shape is None:
        return _NONE
    if isinstance(shape, str):
        return f"{_FAULT}{shape}"
    return " ".join(f"{value:.4f}" for value in shape.flatten())


def shape_from(text: str) -> Array | str | None:
    """The inverse of ``shape_text``."""
    if text == _NONE:
        return None
    if text.startswith(_FAULT):
        return text[1:]
    return np.array(text.split(), float).reshape(-1, 3)
