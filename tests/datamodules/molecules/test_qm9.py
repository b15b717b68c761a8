"""QM9: the embedded copy, the splits, the curriculum, and what is refused."""

from __future__ import annotations

import csv
import gzip
import hashlib
import os
import random
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from symmetry_pl.datamodules.molecules.qm9 import QM9DataModule
from symmetry_pl.datamodules.molecules.qm9_embedded import COLUMNS, EMBEDDED, main, read_columns
from symmetry_pl.datamodules.molecules.qm9_table import HARTREE
from symmetry_pl.datamodules.samplers import CurriculumSampler
from symmetry_pl.molecules import (
    KekuleDeepSmiles,
    Vocabulary,
    canonical_smiles,
    formula,
    same_molecule,
)

SHA256 = "d8ca7ac7024b8b945b3240b0d0e1ff0938c64ce54fce8ad2384a179f60cfa139"
SMALL = [  # C3H6O and others with all their symbols; row 3 is row 0 written differently
    ("CC(=O)C", 6.0, 40.0),
    ("C1CC1O", 7.0, 41.0),
    ("CCC=O", 8.0, 42.0),
    ("O=C(C)C", 6.0, 40.0),
    ("C=CCO", 9.0, 43.0),
    ("COC=C", 10.0, 44.0),
    ("C1COC1", 11.0, 45.0),
    ("CC1CO1", 12.0, 46.0),
    ("C1OC1C=CC(=O)C1CCO1", 13.0, 30.0),
    ("C1OC1C=CC(=O)C1CCN1", 14.0, 25.0),
    ("N#N", 15.0, 12.0),
]


@pytest.fixture(scope="module")
def columns():
    return read_columns(EMBEDDED, COLUMNS)


@pytest.fixture(scope="module")
def embedded():
    data = QM9DataModule()
    data.setup()
    return data


def own_table(folder, rows=SMALL):
    folder.mkdir(exist_ok=True)
    with open(folder / "qm9.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["mol_id", "smiles", "alpha", "gap"])
        writer.writerows((i, s, alpha, gap) for i, (s, gap, alpha) in enumerate(rows))
    return str(folder)


def small(root, **options):
    chosen = {"formula": "C3H6O", "test_fraction": 0.25, "val_fraction": 0.34, "batch_size": 2}
    return QM9DataModule(root=root, **(chosen | options))


def rows_of(loader):
    return torch.cat([batch[2] for batch in loader])


# the embedded copy


def test_embedded_copy_is_the_one_documented(columns):
    assert hashlib.sha256(gzip.decompress(EMBEDDED.read_bytes())).hexdigest() == SHA256
    assert SHA256 in (EMBEDDED.parent / "README.md").read_text()
    assert EMBEDDED.stat().st_size < 4_000_000
    assert {len(column) for column in columns.values()} == {130_831}
    assert columns["formula"].count("C7H10O2") == 6094
    first = {name: column[0] for name, column in columns.items()}
    assert (first["smiles"], first["alpha_bohr3"], first["gap_hartree"]) == ("C", "13.21", "0.5048")


def check_rows(columns, rows):
    language = KekuleDeepSmiles()
    for i in rows:
        smiles, text = columns["smiles"][i], columns[COLUMNS[-1]][i]
        symbols = language.encode(smiles)
        assert language.text(symbols) == text
        assert language.split(text) == symbols
        assert same_molecule(smiles, language.decode(symbols))
        assert formula(smiles) == columns["formula"][i]


def test_the_spelling_is_a_fresh_encoding(columns):
    check_rows(columns, random.Random(0).sample(range(130_831), 500))


@pytest.mark.slow
def test_the_spelling_is_a_fresh_encoding_everywhere(columns):
    check_rows(columns, range(130_831))


def test_the_file_can_be_made_again(tmp_path, columns):
    source = tmp_path / "source.csv"
    with source.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS[:-1], "ignored"])
        writer.writerows((*(columns[c][i] for c in COLUMNS[:-1]), "x") for i in range(50))
    outputs = [tmp_path / "a.csv.gz", tmp_path / "b.csv.gz"]
    for output in outputs:
        main([str(source), "--target", str(output)])
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert read_columns(outputs[0], COLUMNS) == {c: v[:50] for c, v in columns.items()}


@pytest.mark.skipif("SYMMETRY_DATA" not in os.environ, reason="needs $SYMMETRY_DATA/qm9")
def test_own_table_of_all_of_qm9_agrees_with_the_embedded_copy(columns):
    own = Path(os.environ["SYMMETRY_DATA"]) / "qm9" / "qm9.csv.gz"
    if not own.exists():
        pytest.skip(f"needs {own}")
    assert read_columns(own, COLUMNS[:-1]) == {c: columns[c] for c in COLUMNS[:-1]}


# splits


def test_sizes_are_the_papers(embedded):
    splits = embedded._get()[1]
    assert [len(s) for s in splits] == [5500, 289, 305, 130_831 - 289 - 305]
    parts = torch.cat(splits[:3])
    assert len(parts.unique()) == len(parts) == 6094


def test_no_held_out_molecule_is_in_the_pool(embedded, columns):
    splits = embedded._get()[1]
    held = torch.cat([splits.val, splits.test]).tolist()
    held_out = {canonical_smiles(columns["smiles"][i]) for i in held}
    assert len(held_out) == 594
    # equal molecules have equal formulas, so these are all that could be equal
    pool = [i for i in splits.pool.tolist() if columns["formula"][i] == "C7H10O2"]
    assert len(pool) == 5500
    assert not held_out & {canonical_smiles(columns["smiles"][i]) for i in pool}


@pytest.mark.parametrize("seed", range(6))
def test_one_molecule_written_twice_is_never_on_both_sides(tmp_path, seed):
    data = small(own_table(tmp_path), split_seed=seed)
    data.setup()
    splits = data._get()[1]
    for one in (splits.val, splits.test):
        for other in (splits.pool, splits.train):
            assert not {0, 3} & set(one.tolist()) or not {0, 3} & set(other.tolist())
    assert not ({0, 3} & set(splits.val.tolist()) and {0, 3} & set(splits.test.tolist()))


def test_split_depends_on_its_seed_alone(tmp_path):
    root = own_table(tmp_path)

    def held_out_rows(**options):
        data = small(root, **options)
        data.setup()
        return data._get()[1].test.tolist()

    assert held_out_rows() == held_out_rows(batch_size=1, isomer_fraction=0.5)
    assert len({tuple(held_out_rows(split_seed=s)) for s in range(8)}) > 1


def test_targets_are_standardised_with_training_isomers_only(embedded):
    data, splits, description = embedded._get()
    train = data.y[splits.train]
    assert train.mean(0).abs().max() < 1e-5
    assert (train.std(0, unbiased=False) - 1).abs().max() < 1e-5
    physical = data.y[:1] * torch.tensor(description.target_scale) + torch.tensor(
        description.target_mean
    )
    torch.testing.assert_close(
        physical, torch.tensor([[0.5048 * HARTREE, 13.21]]), rtol=1e-4, atol=0
    )
    assert description.metric_names() == ["mae_gap_ev", "mae_polarisability_bohr3"]


def test_targets_in_the_order_asked_for(tmp_path):
    data = small(own_table(tmp_path), targets=["polarisability"])
    data.setup()
    assert data.description.target_units == ("bohr³",)
    assert next(iter(data.test_dataloader()))[1].shape[1] == 1


# batches


def test_batches_spell_their_rows(embedded, columns):
    x, y, rows = next(iter(embedded.test_dataloader()))
    assert (x.dtype, y.dtype, x.shape, y.shape) == (torch.int64, torch.float32, (305, 19), (305, 2))
    vocabulary = Vocabulary(embedded.description.symbols)
    assert (len(vocabulary), embedded.description.x_shape) == (23, (19,))
    spelled = ["".join(symbols) for symbols in vocabulary.decode(x)]
    assert spelled == [columns[COLUMNS[-1]][i] for i in rows.tolist()]
    again = embedded.predict_dataloader().dataset[3]
    assert torch.equal(again[0], x[3])
    assert again[2] == rows[3]


def test_an_epoch_is_batches_of_the_pool(tmp_path):
    data = small(own_table(tmp_path), wide_in=["pretrain"])
    data.setup()
    data.trainer = SimpleNamespace(
        world_size=1,
        global_rank=0,
        lightning_module=SimpleNamespace(leading_epochs=lambda phases, option: len(phases)),
    )
    loader = data.train_dataloader()
    first = set(rows_of(loader).tolist())
    assert first & {8, 9, 10}
    loader.sampler.set_epoch(1)
    assert set(rows_of(loader).tolist()) == set(data._get()[1].train.tolist())


def test_data_that_follow_phases_need_a_model(tmp_path):
    data = small(own_table(tmp_path), wide_in=["pretrain"])
    data.setup()
    with pytest.raises(ValueError, match=r"data\.wide_in follows the phases of a model"):
        data.train_dataloader()


def test_without_pretraining_only_isomers_are_seen(tmp_path):
    data = small(own_table(tmp_path), batch_size=1)
    data.setup()
    assert sorted(rows_of(data.train_dataloader()).tolist()) == data._get()[1].train.tolist()


def test_formula_null_takes_everything(tmp_path):
    data = small(own_table(tmp_path), formula=None, batch_size=1)
    with pytest.warns(UserWarning, match="1 of the test set"):
        data.setup()
    splits = data._get()[1]
    assert torch.equal(splits.train, splits.pool)
    assert len(splits.test) == 3 - 1


def test_symbols_of_held_out_molecules_alone_are_no_symbols(tmp_path):
    data = small(own_table(tmp_path), formula=None)
    with pytest.warns(UserWarning, match=r"row 10, .*\('N#N'\): no training molecule has .* '#'"):
        data.setup()
    table, splits, description = data._get()
    assert "#" not in description.symbols
    assert [b.row for b in data.bad_rows] == [10]
    assert len(table) == len(SMALL) - 1
    spelled = Vocabulary(description.symbols).decode(table.tokens[splits.train])
    assert {s for symbols in spelled for s in symbols} == set(description.symbols) - {""}


# the curriculum


def sampler(**options):
    chosen = {"samples_per_epoch": 12, "pretrain_epochs": 2, "focus_fraction": 0.5, "seed": 1}
    return CurriculumSampler(torch.arange(100), torch.arange(100, 105), **(chosen | options))


def test_every_row_comes_once_before_any_comes_twice():
    s = sampler()
    epochs = torch.cat([s.epoch_rows(e) for e in range(20)])
    pool, focus = epochs[epochs < 100], epochs[epochs >= 100]
    assert len(focus) == 18 * 6
    for rows, size in ((pool, 100), (focus, 5)):
        whole = rows[: len(rows) // size * size]
        # an epoch of mixed rows is shuffled, so compare counts, not order
        counts = torch.bincount(whole - rows.min(), minlength=size)
        assert counts.max() - counts.min() <= 2
        assert len(whole) >= size


def test_pretraining_is_one_permutation_across_short_epochs():
    s = sampler(pretrain_epochs=100, samples_per_epoch=20)
    first = torch.cat([s.epoch_rows(e) for e in range(5)])
    second = torch.cat([s.epoch_rows(e) for e in range(5, 10)])
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(100))
    assert first.tolist() != second.tolist()


def test_it_is_a_function_of_seed_and_epoch():
    s, again = sampler(), sampler()
    for epoch in (0, 1, 3, 2):
        s.set_epoch(epoch)
        assert list(s) == again.epoch_rows(epoch).tolist() == list(s)
    assert list(sampler(seed=2)) != list(sampler(seed=1))


@pytest.mark.parametrize("epoch", [0, 5])
def test_processes_share_one_order(epoch):
    whole = sampler().epoch_rows(epoch).tolist()
    parts = []
    for rank in range(3):
        part = sampler(world_size=3, rank=rank)
        part.set_epoch(epoch)
        parts.append(list(part))
        assert len(part) == 4
    assert [row for step in zip(*parts, strict=True) for row in step] == whole


# what is refused


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"targets": ["mass"]}, "data.targets must be among gap, polarisability; got 'mass'"),
        ({"targets": []}, "data.targets must name each target once"),
        ({"targets": ["gap", "gap"]}, "data.targets must name each target once"),
        ({"test_fraction": 1.0}, "data.test_fraction must lie between 0 and 1"),
        ({"isomer_fraction": 1.5}, "data.isomer_fraction"),
        ({"samples_per_epoch": 0}, "data.samples_per_epoch"),
        ({"on_invalid": "ignore"}, "data.on_invalid"),
        ({"representation": "morse"}, "representation must be one of deepsmiles"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match=words):
        QM9DataModule(**options)


def test_unknown_formula_and_empty_split(tmp_path):
    root = own_table(tmp_path)
    with pytest.raises(ValueError, match=r"'C60', which no molecule has; e\.g\. C3H6O \(8\)"):
        small(root, formula="C60").setup()
    with pytest.raises(ValueError, match="the test set is empty: 8 isomers are too few"):
        small(root, test_fraction=0.01).setup()


def test_unusable_rows_are_named_or_dropped(tmp_path):
    bad = [("C1CC", 1.0, 1.0), ("CCC", "", 2.0), ("CCC", 1.0, "nan")]
    root = own_table(tmp_path, [*SMALL, *bad])
    with pytest.raises(ValueError, match=r"3 unusable rows: row 11, .*\('C1CC'\).*ring 1.*row 12"):
        small(root).setup()
    data = small(root, on_invalid="drop")
    with pytest.warns(UserWarning, match="3 unusable rows.*left out"):
        data.setup()
    assert len(data._get()[0]) == len(SMALL)


def test_a_table_without_a_column_or_no_table(tmp_path):
    (tmp_path / "qm9.csv").write_text("smiles,gap\nC,1\n")
    with pytest.raises(ValueError, match="no column for polarisability: alpha_bohr3 or alpha"):
        small(str(tmp_path)).setup()
    (tmp_path / "qm9.csv").write_text("smiles,gap,alpha\nC,1\n")
    with pytest.raises(ValueError, match="row 0 has 2 fields, but the header has 3"):
        small(str(tmp_path)).setup()
    with pytest.raises(FileNotFoundError, match=r"is not in .*absent.*data\.root"):
        small(str(tmp_path / "absent")).setup()


def test_constant_target(tmp_path):
    root = own_table(tmp_path, [(s, 5.0, alpha) for s, _, alpha in SMALL])
    with pytest.raises(ValueError, match="gap is the same for all training isomers"):
        small(root).setup()
