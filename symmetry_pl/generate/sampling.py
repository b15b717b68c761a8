"""Codes with one Z1 and many Z0, and the molecules they decode to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from symmetry_pl.core import DataDescription
from symmetry_pl.generate.judging import Judge
from symmetry_pl.molecules import Vocabulary, canonical_smiles, representation
from symmetry_pl.stib.code import Code
from symmetry_pl.stib.invariance import InvarianceModule

__all__ = ["Codes", "Molecule", "Outcome", "encode", "fix", "generate", "like", "prior"]


class Codes(NamedTuple):
    """N codes and what the model makes of them.

    Attributes:
        z0: what may move, ``(N, d0)``.
        z1: what is held, ``(N, d1)``; ``None`` for a model without a Z1.
        y: standardised targets ``(N, t)``: predicted, or what the decoder is told.
    """

    z0: Tensor
    z1: Tensor | None
    y: Tensor


class Molecule(NamedTuple):
    """One generated molecule.

    Attributes:
        smiles: RDKit's canonical SMILES.
        y: targets ``(t,)`` predicted after encoding it again, in their own units; ``None`` for
            a model that predicts none.
        z0: code it was decoded from, ``(d0,)``; ``None`` where there is none.
        z1: the rest of that code, ``(d1,)``; ``None`` where there is none.
    """

    smiles: str
    y: Tensor | None
    z0: Tensor | None
    z1: Tensor | None


@dataclass
class Outcome:
    """Molecules, and what became of all codes that were decoded.

    Attributes:
        molecules: valid, each once.
        decoded: codes decoded.
        invalid: codes that were no molecule.
        duplicates: codes whose molecule was there already.
        strays: codes whose molecule is too far from the targets asked for.
        drafts: strings that were begun, where molecules are drawn without codes.
        oracle_calls: molecules that RDKit was asked about to choose among them.
    """

    molecules: list[Molecule] = field(default_factory=list)
    decoded: int = 0
    invalid: int = 0
    duplicates: int = 0
    strays: int = 0
    drafts: int = 0
    oracle_calls: int = 0

    def admit(self, smiles: str | None, seen: set[str]) -> str | None:
        """Count what was decoded; a new molecule's canonical SMILES, which ``seen`` then has."""
        self.decoded += 1
        canonical = None if smiles is None else canonical_smiles(smiles)
        if canonical is None:
            self.invalid += 1
        elif canonical in seen:
            self.duplicates += 1
        else:
            seen.add(canonical)
            return canonical
        return None

    def near_enough(self, judge: Judge, smiles: str, y: Tensor | None) -> bool:
        """Whether a judge keeps a molecule; counted if not."""
        kept = judge.keeps(smiles, y)
        self.oracle_calls = judge.calls
        self.strays += not kept
        return kept

    @property
    def validity(self) -> float:
        """Share of decoded codes that are molecules."""
        return 1 - self.invalid / max(1, self.decoded)

    @property
    def uniqueness(self) -> float:
        """Share of these that differ from each other."""
        valid = self.decoded - self.invalid
        return (valid - self.duplicates) / max(1, valid)

    def novelty(self, known: set[str]) -> float:
        """Share of the molecules that are not among ``known`` canonical SMILES."""
        new = sum(m.smiles not in known for m in self.molecules)
        return new / max(1, len(self.molecules))


@torch.no_grad()
def encode(model: InvarianceModule, x: Tensor, y: Tensor | None = None, rows: int = 1000) -> Codes:
    """Codes of inputs ``(N, L)``; their targets where the model predicts none."""
    parts = [model.encode(part) for part in torch.split(x.long(), rows)]
    z0 = torch.cat([p.z0 for p in parts])
    z1 = None if parts[0].z1 is None else torch.cat([p.z1 for p in parts if p.z1 is not None])
    found = model.predict_target(Code(z0, z1))
    if found is None:
        found = z0.new_zeros(len(z0), _targets(model)) if y is None else y.to(z0)
    return Codes(z0, z1, found)


def _targets(model: InvarianceModule) -> int:
    assert model.data is not None
    return len(model.data.target_names)


@torch.no_grad()
def prior(
    model: InvarianceModule, data: DataDescription, n: int, generator: torch.Generator
) -> Codes:
    """Codes from N(0, I), where nothing is at hand to encode."""
    blank = torch.zeros(1, *data.x_shape, device=model.device)
    shape = model.encode(blank.long() if data.kind == "tokens" else blank.to(model.dtype))
    z0 = torch.randn(n, shape.z0.shape[1], generator=generator).to(shape.z0)
    z1 = None
    if shape.z1 is not None:
        z1 = torch.randn(n, shape.z1.shape[1], generator=generator).to(shape.z1)
    found = model.predict_target(Code(z0, z1))
    return Codes(z0, z1, z0.new_zeros(n, _targets(model)) if found is None else found)


def like(model: InvarianceModule, data: DataDescription, smiles: str) -> Codes:
    """The code of one molecule.

    Raises:
        ValueError: if it is no molecule, or has symbols or a length that the model never saw.
    """
    if model.needs_targets:
        names = " and ".join(f"--property {name}=…" for name in data.target_names)
        raise ValueError(
            f"a {type(model).__name__} is told the properties and cannot read those of --like: "
            f"give {names}"
        )
    try:
        symbols = representation(data.representation).encode(smiles)
        ids = Vocabulary(data.symbols).encode([symbols], data.x_shape[0])
    except ValueError as error:
        reason = str(error).removeprefix("row 0 ")
        raise ValueError(f"--like: {reason}") from error
    return encode(model, ids)


def fix(codes: Codes, data: DataDescription, wanted: Mapping[str, float]) -> Codes:
    """The code whose targets come nearest to the wanted ones, in units of their scales.

    Args:
        codes: to choose from.
        data: names and scales of the targets.
        wanted: target to value, in its own unit; the others are free.
    """
    columns = [data.target_names.index(name) for name in wanted]
    asked = codes.y.new_tensor(list(wanted.values()))
    if data.target_scale:
        units = (data.target_mean, data.target_scale)
        mean, scale = (codes.y.new_tensor(v)[columns] for v in units)
        asked = (asked - mean) / scale
    nearest = int((codes.y[:, columns] - asked).square().sum(1).argmin())
    row = slice(nearest, nearest + 1)
    y = codes.y[row].clone()
    y[0, columns] = asked  # what a conditional decoder is told; others predict it from Z1
    return Codes(codes.z0[row], None if codes.z1 is None else codes.z1[row], y)


@torch.no_grad()
def generate(
    model: InvarianceModule,
    data: DataDescription,
    codes: Codes,
    held: Codes,
    n: int,
    near: bool = False,
    spread: float = 0.2,
    seed: int = 0,
    avoid: frozenset[str] = frozenset(),
    within: Mapping[str, float] | None = None,
    judged_by: str = "model",
) -> Outcome:
    """Decode until there are ``n`` molecules that differ, or 50 n codes have been decoded.

    Z1 (or the targets, for a decoder that is told them) is that of ``held``. Z0 runs through those
    of ``codes``, with Gaussian noise of ``spread`` times their standard deviation: from near to far
    in Z0, or else in Z1 (or the targets). Where Z0 is independent of Z1 all are alike; but a
    decoder knows best what it has seen, and has seen a Z0 with its own Z1. A VAE holds nothing: it
    gets codes whose predicted targets come nearest.

    Args:
        model: a model of molecules.
        data: what it was trained on.
        codes: where Z0 may go.
        held: one code, whose Z1 and targets are kept.
        n: molecules wanted.
        near: from near to far in Z0.
        spread: noise; more of it gives newer molecules, and more that are none.
        seed: of order and noise.
        avoid: canonical SMILES that count as duplicates.
        within: largest distance of a target from that of ``held``, by name and in its own unit.
        judged_by: ``model``, of what it predicts after encoding the molecule again; or ``rdkit``.
    """
    generator = torch.Generator().manual_seed(seed)
    vocabulary, language = Vocabulary(data.symbols), representation(data.representation)
    mask = language.mask(data.symbols, data.x_shape[0])
    target = dict(zip(data.target_names, model.physical(held.y)[0].tolist(), strict=True))
    judge = Judge(data, target, within or {}, judged_by)
    seen, outcome = set(avoid), Outcome()
    # a search takes long, so that no more codes are decoded than are likely to be needed
    rows = 500 if model.candidates == 1 else min(500, 2 * n)
    for z0 in _proposals(model, codes, held, near, spread, generator, rows):
        z1 = None if held.z1 is None else held.z1.expand(len(z0), -1)
        code = Code(z0, z1, held.y.expand(len(z0), -1) if model.needs_targets else None)
        ids = model.search(model.decode(code, mask), code)
        again = None if model.needs_targets else model.physical(encode(model, ids).y)
        for i, symbols in enumerate(vocabulary.decode(ids)):
            if len(outcome.molecules) == n or outcome.decoded == 50 * n:
                return outcome
            canonical = outcome.admit(language.decode(symbols), seen)
            y = None if again is None else again[i]
            if canonical is not None and outcome.near_enough(judge, canonical, y):
                outcome.molecules.append(
                    Molecule(canonical, y, z0[i], None if z1 is None else z1[i])
                )
    raise AssertionError("proposals do not end")


def _proposals(
    model: InvarianceModule,
    codes: Codes,
    held: Codes,
    near: bool,
    spread: float,
    generator: torch.Generator,
    rows: int,
) -> Iterator[Tensor]:
    """Endless batches of Z0, of so many rows."""
    holds = held.z1 is not None or model.needs_targets
    if near and holds:
        distance = codes.z0 - held.z0
    elif held.z1 is not None and codes.z1 is not None:
        distance = codes.z1 - held.z1
    else:
        distance = codes.y - held.y
    order = distance.square().sum(1).argsort()
    scale = spread * codes.z0.std(0)
    while True:
        for chosen in torch.split(order, rows):
            z0 = codes.z0[chosen]
            yield z0 + scale * torch.randn(z0.shape, generator=generator, dtype=z0.dtype)
