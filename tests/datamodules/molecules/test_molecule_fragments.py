"""Datamodules of molecules learn fragments from what they train on, and apply them to all."""

from __future__ import annotations

import random

import pytest
import torch

import symmetry_pl.datamodules.molecules.molecule_data
from symmetry_pl.datamodules.molecules.molecule_table import Splits
from symmetry_pl.datamodules.molecules.qm9 import QM9DataModule
from symmetry_pl.datamodules.molecules.smiles_csv import SmilesCSVDataModule
from symmetry_pl.datamodules.molecules.tokens import join_tokens
from symmetry_pl.datamodules.molecules.zinc import ZINCDataModule
from symmetry_pl.molecules import Vocabulary, same_molecule

MOLECULES = [
    f"{start}{'C' * n}{end}"
    for n in range(1, 8)
    for start in ("O", "FC", "N#C")
    for end in ("O", "N(C)C", "C(=O)O")
]


def written(folder, smiles=MOLECULES):
    folder.mkdir(exist_ok=True)
    lines = [f"{s},{i + 0.5}" for i, s in enumerate(smiles)]
    (folder / "zinc250k.csv").write_text("\n".join(["smiles,qed", *lines]) + "\n")
    return folder / "zinc250k.csv"


def zinc(path, **options):
    sizes = {"val_size": 9, "test_size": 9, "batch_size": 9, "cache": str(path.parent / "cache")}
    return ZINCDataModule(root=str(path), **(sizes | options))


def csv(path, **options):
    return SmilesCSVDataModule(str(path), ["qed"], batch_size=8, **options)


def loaded(data):
    data.setup()
    return data


def spelled(data):
    """Base symbols of each row."""
    table, _, d = data._get()
    decoded = Vocabulary(d.symbols).decode(table.tokens)
    return dict(zip(table.rows.tolist(), decoded, strict=True))


@pytest.mark.parametrize("make", [zinc, csv])
@pytest.mark.parametrize("name", ["deepsmiles", "selfies"])
def test_batches_spell_their_rows(tmp_path, make, name):
    path = written(tmp_path)
    plain = loaded(make(path, representation=name)).description
    data = loaded(make(path, representation=name, fragments=12))
    d = data.description
    assert d.symbols[: len(plain.symbols)] == plain.symbols
    assert len(d.symbols) == len(plain.symbols) + 12
    assert d.x_shape[0] < 0.7 * plain.x_shape[0]
    assert (d.target_mean, d.target_scale) == (plain.target_mean, plain.target_scale)
    vocabulary = Vocabulary(d.symbols)
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        for x, _, rows in loader:
            assert x.dtype == torch.int64
            for symbols, row in zip(vocabulary.decode(x), rows, strict=True):
                assert same_molecule(data.language.decode(symbols), MOLECULES[row])
            again = [data.language.encode(MOLECULES[row]) for row in rows]
            assert torch.equal(vocabulary.encode(again, *d.x_shape).long(), x)


def test_they_are_learned_from_training_molecules_alone(tmp_path):
    path = written(tmp_path)
    parts = loaded(zinc(path, representation="selfies"))._get()[1]
    train = parts.train.tolist()
    end = "C([S-])([S-])[S-]"
    common = [f"{s}{end}" if i in train[:9] else s for i, s in enumerate(MOLECULES)]
    strange = [s if i in train else f"{s}{end}" for i, s in enumerate(common)]
    options = {"representation": "selfies", "fragments": 999, "max_length": 40}
    data = loaded(zinc(written(tmp_path / "b", strange), **options))
    fragments = [s for s in data.description.symbols if " " in s]
    assert "[S-1]" in data.description.symbols
    assert len(fragments) > 9
    alone = loaded(zinc(written(tmp_path / "c", common), **options))
    assert data.description.symbols == alone.description.symbols
    assert spelled(data)[parts.test[0].item()].count("[S-1]") == 3


def test_they_depend_on_the_split_seed_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(symmetry_pl.datamodules.molecules.molecule_data, "_LEARNED_FROM", 12)
    path = written(tmp_path)

    def symbols(**options):
        return loaded(csv(path, fragments=30, **options)).description.symbols

    assert symbols() == symbols(num_workers=1)
    assert symbols() == loaded(csv(path, fragments=30, eval_batch_size=3)).description.symbols
    assert len({symbols(split_seed=seed) for seed in range(4)}) > 1


def test_lengths_are_judged_after_joining(tmp_path):
    path = written(tmp_path)
    whole = loaded(csv(path, fragments=6))
    table, splits, d = whole._get()
    lengths = (table.tokens > 0).sum(1)
    longest, limit = d.x_shape[0], int(lengths.sort()[0][-8])
    assert limit < longest
    padded = loaded(csv(path, fragments=6, max_length=longest + 3))
    assert torch.equal(padded._get()[0].tokens[:, :longest], table.tokens)
    assert padded.description.x_shape == (longest + 3,)

    row = int((lengths > limit).nonzero()[0, 0])
    reason = (
        rf"row {row}, .*{lengths[row]} symbols after joining, more than data\.max_length={limit}"
    )
    with pytest.raises(ValueError, match=rf"unusable rows: {reason}.*data\.on_invalid"):
        csv(path, fragments=6, max_length=limit).setup()
    data = csv(path, fragments=6, max_length=limit, on_invalid="drop")
    with pytest.warns(UserWarning, match=rf"{reason}.*left out"):
        data.setup()
    kept, parts, short = data._get()
    assert [b.row for b in data.bad_rows] == (lengths > limit).nonzero()[:, 0].tolist()
    assert (short.symbols, short.x_shape) == (d.symbols, (limit,))
    assert torch.equal(kept.tokens, table.tokens[lengths <= limit][:, :limit])
    for before, after in zip(splits, parts, strict=True):
        assert kept.rows[after].tolist() == [i for i in before.tolist() if lengths[i] <= limit]
    assert kept.y[parts.train].mean().abs() < 1e-6


def test_all_bad_rows_are_kept_and_none_twice(tmp_path):
    path = written(tmp_path, [*MOLECULES, "C1CC"])
    data = csv(path, fragments=6, max_length=6, on_invalid="drop")
    with pytest.warns(UserWarning, match="left out"):
        data.setup()
    rows = [b.row for b in data.bad_rows]
    assert rows == sorted(set(rows))
    assert rows[-1] == len(MOLECULES)
    assert len(rows) > 1
    assert len(data._get()[0]) == len(MOLECULES) + 1 - len(rows)


def test_a_length_that_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="no row is left"):
        csv(written(tmp_path), fragments=1, max_length=1, on_invalid="drop").setup()
    smiles = [s for s in MOLECULES if len(s) > 8]
    parts = loaded(zinc(written(tmp_path, smiles), val_size=2, test_size=2))._get()[1]
    for i in parts.val.tolist():  # nothing of it is unknown, and no pair of it is in training
        smiles[i] = "".join("NO"[j % 2] for j in range(20))
    data = zinc(written(tmp_path, smiles), val_size=2, test_size=2, fragments=50, max_length=8)
    data.on_invalid = "drop"
    with (
        pytest.warns(UserWarning, match="2 unusable rows"),
        pytest.raises(ValueError, match=r"^data\.max_length=8 leaves the validation set empty$"),
    ):
        data.setup()


def test_splits_among_rows():
    splits = Splits(*map(torch.tensor, ([4, 0], [1], [3, 5], [0, 2, 4])))
    kept = torch.tensor([True, False, True, True, True, False])
    assert [part.tolist() for part in splits.among(kept)] == [[3, 0], [], [2], [0, 1, 3]]


def test_qm9_learns_from_its_pool(small_qm9):
    options = {"root": str(small_qm9.parent), "batch_size": 16}
    base, splits, plain = loaded(QM9DataModule(**options))._get()
    table, _, d = loaded(QM9DataModule(fragments=20, **options))._get()
    assert len(splits.pool) > len(splits.train)
    vocabulary, tokens = join_tokens(Vocabulary(plain.symbols), base.tokens, splits.pool, 20)
    assert d.symbols == vocabulary.symbols
    assert len(d.symbols) == len(plain.symbols) + 20
    assert torch.equal(table.tokens, tokens)


@pytest.mark.parametrize(("symbols", "dtype"), [(256, torch.uint8), (257, torch.int16)])
def test_memory_type(tmp_path, symbols, dtype):
    draw = random.Random(0)
    path = written(tmp_path, ["".join(draw.choices("CNOS", k=24)) for _ in range(400)])
    base = len(loaded(csv(path)).description.symbols)
    data = loaded(csv(path, fragments=symbols - base))
    assert len(data.description.symbols) == symbols
    assert data._get()[0].tokens.dtype == dtype
    assert next(iter(data.val_dataloader()))[0].dtype == torch.int64


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fragments": -1}, "data.fragments must be at least 0, got -1"),
        ({"fragments": 5, "representation": "grammar"}, "data.fragments is 5, but .* under a mask"),
    ],
)
@pytest.mark.parametrize("make", [csv, zinc, lambda path, **options: QM9DataModule(**options)])
def test_bad_options(tmp_path, make, options, words):
    with pytest.raises(ValueError, match=words):
        make(tmp_path / "own.csv", **options)


def test_more_than_there_is_room_for(tmp_path):
    with pytest.raises(ValueError, match=r"data\.fragments is 40000, but \d+ symbols leave room"):
        csv(written(tmp_path), fragments=40_000).setup()
