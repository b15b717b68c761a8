"""Where new molecules come from: codes that a model decodes, or draws of a model that is told."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch

from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules.molecules.molecule_data import MoleculeDataModule
from symmetry_pl.generate.asked import askable, draw_asked
from symmetry_pl.generate.checkpoint import load_data
from symmetry_pl.generate.judging import Judge
from symmetry_pl.generate.sampling import Codes, Outcome, encode, fix, generate, like, prior
from symmetry_pl.generate.values import HeldOutError, held_out_error
from symmetry_pl.molecules import Vocabulary, canonical_smiles, representation
from symmetry_pl.stib.invariance import InvarianceModule
from symmetry_pl.stib.property_generator import PropertyGenerator

__all__ = ["CodeSource", "DrawSource"]

_CODES = 20_000  # training molecules whose codes are walked through
_COMPARED = 50_000  # training molecules that novelty is measured against without being asked


class CodeSource:
    """Molecules that a model decodes from one Z1 and many Z0.

    Args:
        model: what decodes.
        data: what it was trained on.
        options: as ``generate.command`` parses them.
        within: largest distances of targets from what is asked for, by name.
        checkpoint: in whose run it stands where the data are.

    Raises:
        ValueError: for a model that says nothing to judge by, or what ``like`` refuses.
    """

    def __init__(
        self,
        model: InvarianceModule,
        data: DataDescription,
        options: argparse.Namespace,
        within: Mapping[str, float],
        checkpoint: Path,
    ) -> None:
        if within and model.needs_targets and options.judge == "model":
            raise ValueError(f"--within: a {type(model).__name__} predicts no property to judge by")
        self.model, self.data = model, data
        self._like = None if options.like is None else like(model, data, options.like)
        self._avoid = frozenset({canonical_smiles(options.like or "") or ""})
        self._molecules = _data(checkpoint, data)
        self._codes, self.known = _codes(model, data, self._molecules, options.seed)
        self._decode = partial(
            generate,
            model,
            data,
            self._codes,
            n=options.n,
            spread=options.spread,
            seed=options.seed,
            within=within,
            judged_by=options.judge,
        )

    @property
    def held(self) -> dict[str, float]:
        """Targets of the molecule that others are to be like, in their own units."""
        assert self._like is not None
        physical = self.model.physical(self._like.y)[0].tolist()
        return dict(zip(self.data.target_names, physical, strict=True))

    def decode(self, asked: Mapping[str, float]) -> Outcome:
        """Molecules of some values; of none, those like the one that was given."""
        if self._like is not None:
            return self._decode(held=self._like, near=True, avoid=self._avoid)
        return self._decode(held=fix(self._codes, self.data, asked))

    def error(self, name: str) -> HeldOutError | None:
        """The model's own error of a target, where it is known."""
        if self._molecules is None:
            return None
        return held_out_error(self.model, self.data, self._molecules, name)


class DrawSource:
    """Molecules that a ``PropertyGenerator`` draws.

    Args:
        model: what draws.
        data: what it was trained on.
        options: as ``generate.command`` parses them.
        within: largest distances of properties from what is asked for, by name.

    Raises:
        ValueError: for ``--like``, or a model that says nothing to judge by.
    """

    known: set[str] | None = None

    def __init__(
        self,
        model: PropertyGenerator,
        data: DataDescription,
        options: argparse.Namespace,
        within: Mapping[str, float],
    ) -> None:
        if options.like is not None:
            names = " and ".join(f"--property {name}=…" for name in askable(model, data))
            raise ValueError(
                "a PropertyGenerator is told the properties and cannot read those of --like: give "
                f"{names}, or some of them"
            )
        if within and not model.told and options.judge == "model":
            raise ValueError(
                "--within: a PropertyGenerator without running sums knows no property to judge by: "
                "give --judge rdkit"
            )
        self.model, self.data, self.options, self.within = model, data, options, within
        self.held: dict[str, float] = {}

    def decode(self, asked: Mapping[str, float]) -> Outcome:
        """Molecules of some values."""
        judge = Judge(self.data, asked, self.within, self.options.judge)
        return draw_asked(self.model, self.data, asked, self.options.n, self.options.seed, judge)

    def error(self, name: str) -> HeldOutError | None:
        """Of a model that predicts nothing, none."""
        return None


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
