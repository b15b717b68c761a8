"""QM9: small organic molecules with quantum-chemical properties, as tokens."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import torch
from torch.utils.data import DataLoader

from symmetry_pl.datamodules.molecules.molecule_data import MoleculeDataModule
from symmetry_pl.datamodules.molecules.molecule_table import Splits, unless
from symmetry_pl.datamodules.molecules.qm9_raw import own_table
from symmetry_pl.datamodules.molecules.qm9_table import TARGETS, QM9Table, read_qm9
from symmetry_pl.datamodules.samplers import CurriculumSampler
from symmetry_pl.molecules import canonical_smiles

__all__ = ["QM9DataModule"]


class QM9DataModule(MoleculeDataModule):
    """Isomers out of QM9, with the rest of QM9 for pre-training (STIB, section 5.2).

    Batches are ids ``(B, L)``, targets ``(B, t)`` in units of the training isomers' standard
    deviation about their mean, and row numbers ``(B,)`` (from 0) in the table.

    No molecule of the validation or test set, however written, is ever trained on: the
    pre-training pool is compared with them by canonical SMILES.

    ``root`` is a folder with your own QM9 table, ``qm9.csv`` or ``qm9.csv.gz``, such as DeepChem's,
    or with the published archive of all 133,885 molecules, which is downloaded into it where there
    is neither; null is the copy inside the package, 130,831 molecules (the 3,054 of QM9 whose
    geometries do not match their SMILES are left out).

    Args:
        batch_size: molecules a step and process.
        formula: keep the isomers of this formula, elements in the order C, H, N, O, F; null for
            all molecules. C7H10O2 has 6,094 in the package's copy.
        targets: any of ``gap`` (eV) and ``polarisability`` (bohr³).
        test_fraction: share of the isomers that is the test set (305 of 6,094).
        val_fraction: share of the others that is the validation set.
        samples_per_epoch: molecules that count as one epoch, over all processes; null for the
            number of training isomers, or of all of QM9 where epochs hold that.
        wide_in: first phases of the model, in which it is shown all of QM9; in the others, isomers.
        isomer_fraction: share of isomers in these others; the rest is from all of QM9.
        on_invalid: what to do about rows that cannot be used: ``raise`` or ``drop``, with a
            warning that states the count.
        representation: how tokens spell molecules.
        fragments: learned fragments that join symbols which often stand together; 0 for none.
            They are learned from all molecules that are not held out, by byte-pair encoding.
        cache: folder of what is computed from SMILES; null for ``~/.cache/symmetry_pl/derived``.
        kwargs: options of ``SymmetryDataModule``.

    Raises:
        ValueError: for an unknown target, formula or representation, a share out of range, an
            empty split, or unusable rows.
    """

    split_options = ("split_seed", "test_fraction", "val_fraction", "formula")
    targets_option = "targets"
    samples = "isomers"

    def __init__(
        self,
        batch_size: int = 512,
        formula: str | None = "C7H10O2",
        targets: list[str] = ["gap", "polarisability"],  # noqa: B006 (jsonargparse shows it)
        test_fraction: float = 0.05,
        val_fraction: float = 0.05,
        samples_per_epoch: int | None = None,
        wide_in: list[str] = [],  # noqa: B006 (jsonargparse shows it)
        isomer_fraction: float = 1.0,
        on_invalid: Literal["raise", "drop"] = "raise",
        representation: str = "kekule_deepsmiles",
        fragments: int = 0,
        cache: str | None = None,
        **kwargs: Any,
    ) -> None:
        _check_options(locals())
        super().__init__(
            on_invalid, representation, fragments=fragments, batch_size=batch_size, **kwargs
        )
        self.formula = formula
        self.targets = list(targets)
        self.test_fraction, self.val_fraction = test_fraction, val_fraction
        self.samples_per_epoch = samples_per_epoch
        self.wide_in = list(wide_in)
        self.isomer_fraction = isomer_fraction
        self.cache = cache

    def prepare_data(self) -> None:
        """Find or download the table, on one process of each machine."""
        if self.root is not None:
            own_table(self.root)

    def _read(self) -> tuple[QM9Table, list[str], list[str]]:
        units = [TARGETS[name].unit for name in self.targets]
        table = read_qm9(self.root, self.language, self.targets, self.cache)
        self.changes = Counter(table.changes)
        return table, self.targets, units

    def train_dataloader(self) -> DataLoader[Any]:
        """Training isomers, or the curriculum that ends with them."""
        data, splits, _ = self._get()
        pool = splits.pool if self.wide_in or self.isomer_fraction < 1 else splits.train
        sampler = CurriculumSampler(
            pool,
            splits.train,
            self.samples_per_epoch or len(pool),
            self.leading_epochs(self.wide_in, "data.wide_in"),
            self.isomer_fraction,
            self.split_seed,
            self.world_size,
            self.rank,
        )
        return self._loader(data, train=True, sampler=sampler)

    def _split(self, table: QM9Table) -> Splits:
        """Cut the isomers at random; the pool is all that is not held out, as a molecule."""
        of_interest = torch.tensor([self.formula in (None, f) for f in table.formulas])
        isomers = of_interest.nonzero()[:, 0]
        if not len(isomers):
            common = ", ".join(f"{f} ({n})" for f, n in Counter(table.formulas).most_common(3))
            raise ValueError(
                f"data.formula is {self.formula!r}, which no molecule has; e.g. {common} do"
            )
        generator = torch.Generator().manual_seed(self.split_seed)
        isomers = isomers[torch.randperm(len(isomers), generator=generator)]
        n_test = round(self.test_fraction * len(isomers))
        n_val = round(self.val_fraction * (len(isomers) - n_test))
        # molecules that are equal have equal formulas, so only isomers need comparing
        molecule = {i: canonical_smiles(table.smiles[i]) for i in isomers.tolist()}
        test = isomers[:n_test]
        held = {molecule[i] for i in test.tolist()}
        val = unless(isomers[n_test : n_test + n_val], molecule, held)
        held |= {molecule[i] for i in val.tolist()}
        train = unless(isomers[n_test + n_val :], molecule, held)
        for name, rows in (("test", test), ("validation", val), ("training", train)):
            if not len(rows):
                raise ValueError(
                    f"the {name} set is empty: {len(isomers)} isomers are too few for "
                    f"data.test_fraction={self.test_fraction} and "
                    f"data.val_fraction={self.val_fraction}"
                )
        others = (~of_interest).nonzero()[:, 0]
        return Splits(train.sort()[0], val.sort()[0], test, torch.cat([train, others]).sort()[0])


def _check_options(options: dict[str, Any]) -> None:
    for name in options["targets"]:
        if name not in TARGETS:
            raise ValueError(f"data.targets must be among {', '.join(TARGETS)}; got {name!r}")
    if not options["targets"] or len(set(options["targets"])) != len(options["targets"]):
        raise ValueError(f"data.targets must name each target once, got {options['targets']}")
    for name in ("test_fraction", "val_fraction"):
        if not 0 < options[name] < 1:
            raise ValueError(f"data.{name} must lie between 0 and 1, got {options[name]}")
    if not 0 <= options["isomer_fraction"] <= 1:
        raise ValueError(f"data.isomer_fraction must be 0 … 1, got {options['isomer_fraction']}")
    if options["samples_per_epoch"] is not None and options["samples_per_epoch"] < 1:
        raise ValueError(f"data.samples_per_epoch is {options['samples_per_epoch']}, less than 1")
