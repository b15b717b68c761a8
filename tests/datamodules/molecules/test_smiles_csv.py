"""A chemist's own file: read, split by molecule, refused in one sentence, and trained on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer

from symmetry_pl import STIB
from symmetry_pl.datamodules.molecules.smiles_csv import SmilesCSVDataModule
from symmetry_pl.molecules import Vocabulary, canonical_smiles, same_molecule

ROWS = [(f"{'C' * n}{end}", n + 0.5, 10.0 * n) for n in range(1, 9) for end in ("O", "N", "F", "")]


def written(folder, rows=ROWS, header="smiles,gap,alpha"):
    path = folder / "own.csv"
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return str(path)


def small(path, **options):
    chosen = {"property_columns": ["gap"], "units": {"gap": "eV"}, "batch_size": 4}
    return SmilesCSVDataModule(path, **(chosen | options))


def loaded(path, **options):
    data = small(path, **options)
    data.setup()
    return data


@pytest.mark.parametrize("name", ["deepsmiles", "grammar", "selfies"])
def test_batches_spell_their_rows(tmp_path, name):
    data = loaded(written(tmp_path), property_columns=["alpha", "gap"], representation=name)
    d = data.description
    assert (d.kind, d.representation) == ("tokens", name)
    assert (d.target_names, d.target_units) == (("alpha", "gap"), ("", "eV"))
    vocabulary = Vocabulary(d.symbols)
    for loader in (data.train_dataloader(), data.val_dataloader(), data.predict_dataloader()):
        for x, y, rows in loader:
            values = y * torch.tensor(d.target_scale) + torch.tensor(d.target_mean)
            for symbols, value, row in zip(vocabulary.decode(x), values, rows, strict=True):
                smiles, gap, alpha = ROWS[row]
                assert same_molecule(data.language.decode(symbols), smiles)
                assert value.tolist() == pytest.approx([alpha, gap], rel=1e-4)


def test_targets_are_standardised_with_the_training_set(tmp_path):
    data, splits, _ = loaded(written(tmp_path))._get()
    assert data.y[splits.train].mean(0).abs().max() < 1e-6
    assert (data.y[splits.train].std(0, unbiased=False) - 1).abs().max() < 1e-6


def test_each_epoch_has_its_own_order(tmp_path):
    loader = loaded(written(tmp_path)).train_dataloader()
    orders = []
    for epoch in (0, 1, 0):
        loader.sampler.set_epoch(epoch)
        orders.append(torch.cat([batch[2] for batch in loader]).tolist())
    assert orders[0] == orders[2] != orders[1]


@pytest.mark.parametrize("seed", range(6))
def test_rows_of_one_molecule_stay_together(tmp_path, seed):
    rows = [*ROWS, ("OCC", 1.0, 1.0), ("NC", 2.0, 2.0), ("C(O)C", 3.0, 3.0), ("N(C)", 4.0, 4.0)]
    data, splits, _ = loaded(written(tmp_path, rows), split_seed=seed)._get()
    assert sum(map(len, splits[:3])) == len(rows)
    sets = [{canonical_smiles(rows[i][0]) for i in data.rows[s].tolist()} for s in splits[:3]]
    assert sum(map(len, sets)) == len(set.union(*sets)) == len(ROWS)


def test_shares_of_molecules(tmp_path):
    splits = loaded(written(tmp_path), test_fraction=0.25, val_fraction=0.25)._get()[1]
    molecules = len({canonical_smiles(row[0]) for row in ROWS})
    assert len(splits.test) >= round(0.25 * molecules)
    assert sum(map(len, splits[:3])) == len(ROWS)


def test_unusable_rows_are_named_or_dropped(tmp_path):
    bad = [
        ("C1CC", 1, 1),
        ("CCCO", "", 1),
        ("CCCN", "high", 1),
        ("", 1, 1),
        ("CCCF", "inf", 1),
        ("CCC", 1),
        ("C(C)(C)(C)(C)C", 1, 1),
    ]
    path = written(tmp_path, [*ROWS, *bad])
    with pytest.raises(
        ValueError, match=r"own\.csv: 7 unusable rows: row 32 on line 34, .*and 4 more \(set"
    ):
        small(path).setup()
    with pytest.warns(UserWarning, match="7 unusable rows.*left out"):
        data = loaded(path, on_invalid="drop")
    assert len(data._get()[0]) == len(ROWS)
    assert data.description == loaded(written(tmp_path)).description
    assert [b.line for b in data.bad_rows] == list(range(34, 41))
    faults = {b.row: (b.column, b.text, b.reason) for b in data.bad_rows}
    assert list(faults) == list(range(32, 39))
    assert faults[32] == ("smiles", "C1CC", "SMILES syntax: unclosed ring 1")
    assert faults[33] == ("gap", "", "missing")
    assert faults[34] == ("gap", "high", "no number")
    assert faults[35] == ("smiles", "", "empty")
    assert faults[36] == ("gap", "inf", "infinite")
    assert faults[37] == ("", "CCC,1", "2 fields, but the header has 3")
    assert faults[38][0] == "smiles"
    assert "Explicit valence" in faults[38][2]


def test_a_row_has_all_of_its_faults_and_counts_once(tmp_path):
    path = written(tmp_path, [("C1CC", "", "x"), ("C1CC", 1, 1)])
    with pytest.raises(ValueError, match=r"2 unusable rows: .*: no row is left"):
        small(path, property_columns=["gap", "alpha"], on_invalid="drop").setup()
    data = small(written(tmp_path, [*ROWS, ("C1CC", "", "x")]), property_columns=["gap", "alpha"])
    with pytest.raises(ValueError, match="1 unusable row: "):
        data.setup()
    assert [b.column for b in data.bad_rows] == ["gap", "alpha", "smiles"]


def test_a_file_of_a_spreadsheet_program_is_read_as_a_plain_one(tmp_path):
    plain = loaded(written(tmp_path))
    lines = ["smiles;gap;note", *(f"{s};{str(g).replace('.', ',')};a, b" for s, g, _ in ROWS)]
    path = tmp_path / "sheet.csv"
    path.write_bytes(("\ufeff" + "\r\n".join(lines) + "\r\n").encode())
    data = loaded(str(path))
    assert data.description == plain.description
    assert torch.equal(data.split("test").y, plain.split("test").y)
    rows = [f"{s};{n},000\n" for n, (s, *_) in enumerate(ROWS, 1)]
    path.write_text("".join(["smiles;gap\n", *rows]))
    with pytest.raises(ValueError, match=r"'1,000' \(row 0, column 'gap'\).*set data\.decimal"):
        small(str(path)).setup()
    small(str(path), decimal=",").setup()


def test_separators_of_thousands_are_listed(tmp_path):
    data = small(written(tmp_path, [*ROWS, ("C", "1 234.5", 1)]))
    with pytest.raises(ValueError, match="1 numbers with a separator of thousands"):
        data.setup()
    assert [(b.row, b.column) for b in data.bad_rows] == [(32, "gap")]


def test_a_molecule_that_the_language_cannot_spell(tmp_path):
    strange = "FI(F)(F)(F)F"
    path = written(tmp_path, [*ROWS, (strange, 1, 1)])
    with pytest.raises(ValueError, match=r"row 32 .*I\(F\).* has no SELFIES: I with 5 bond"):
        small(path, representation="selfies").setup()
    # as a training molecule; held out, its symbol would be unknown
    assert len(loaded(path, split_seed=1)._get()[0]) == 33


def test_a_longest_length(tmp_path):
    path = written(tmp_path)
    assert loaded(path, max_length=20).description.x_shape == (20,)
    with pytest.raises(ValueError, match=r"row 28, .*9 symbols, more than data\.max_length=8"):
        small(path, max_length=8).setup()


@pytest.mark.parametrize("fragments", [0, 3])
@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ("C[SeH]", r"no training molecule has the symbol '\[SeH\]'"),
        ("C" * 40, r"\d+ symbols, more than the \d+ of any training molecule"),
    ],
)
def test_what_is_held_out_says_nothing_of_vocabulary_and_length(tmp_path, odd, reason, fragments):
    plain = loaded(written(tmp_path), fragments=fragments)
    for name, words in (("val", "1 of the validation set"), ("test", "1 of the test set")):
        row = int(plain.split(name).rows[0])
        rows = [*ROWS[:row], (odd, *ROWS[row][1:]), *ROWS[row + 1 :]]
        data = small(written(tmp_path, rows), fragments=fragments)
        with pytest.warns(UserWarning, match=rf"1 unusable row: row {row}, .*{reason}.*{words}"):
            data.setup()
        assert data.description == plain.description
        assert [b.row for b in data.bad_rows] == [row]
        assert row not in data.split(name).rows
        for part in ("train", "val", "test"):
            kept = plain.split(part).rows != row
            assert torch.equal(data.split(part).rows, plain.split(part).rows[kept])
            assert torch.equal(data.split(part).tokens, plain.split(part).tokens[kept])


def test_training_molecules_decide_what_is_read(tmp_path):
    row = int(loaded(written(tmp_path)).split("train").rows[0])
    rows = [*ROWS[:row], ("CC[SeH]", *ROWS[row][1:]), *ROWS[row + 1 :]]
    data = loaded(written(tmp_path, rows))
    assert "[SeH]" in data.description.symbols
    assert data.bad_rows == ()


def test_a_set_of_unknown_symbols_alone_is_refused(tmp_path):
    held = set(loaded(written(tmp_path)).split("val").rows.tolist())
    rows = [(f"{'C' * i}[SeH]", *row[1:]) if i in held else row for i, row in enumerate(ROWS)]
    with (
        pytest.warns(UserWarning, match="of the validation set"),
        pytest.raises(ValueError, match="leaves the validation set empty"),
    ):
        loaded(written(tmp_path, rows))


def test_other_columns_and_delimiters(tmp_path):
    (tmp_path / "a.tsv").write_text(
        "id\tstructure\tlog S\n" + "".join(f"{i}\t{s}\t{g}\n" for i, (s, g, _) in enumerate(ROWS))
    )
    data = loaded(
        str(tmp_path / "a.tsv"),
        smiles_column="structure",
        property_columns=["log S"],
        units={},
        delimiter="\t",
    )
    assert data.description.target_names == ("log S",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", r"own\.csv \(data\.path\) is empty"),
        ("smiles,gap\n", r"own\.csv \(data\.path\) has a header but no rows"),
        ("smiles,gap\nC,nan\nCC,\n", "2 unusable rows: .*'nan'.: missing; .*no row is left"),
        ("SMILES,gap\nC,1\n", r"no column 'smiles' \(data.smiles_column\); its columns are SMILES"),
        ("smiles,Gap\nC,1\n", r"no column 'gap' \(data.property_columns\); its columns are smiles"),
        ("smiles/gap\nC/1\n", "no column 'smiles'.*its columns are smiles/gap"),
        ("smiles,gap\nC1,1\nC2,2\n", "2 unusable rows: .*no row is left"),
        ("smiles,gap\nC,1\nCC,2\n", "the test set is empty: 2 molecules in"),
        ("smiles,gap\n" + "".join(f"{s},1\n" for s, *_ in ROWS), "gap is the same for all"),
    ],
)
def test_files_that_will_not_do(tmp_path, content, words):
    (tmp_path / "own.csv").write_text(content)
    with pytest.raises(ValueError, match=words) as refusal:
        small(str(tmp_path / "own.csv"), on_invalid="drop").setup()
    assert "\n" not in str(refusal.value)
    assert [p.name for p in tmp_path.iterdir()] == ["own.csv"]


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*absent\.csv \(data\.path\)"):
        small(str(tmp_path / "absent.csv")).setup()
    with pytest.raises(FileNotFoundError, match=r"\(data\.path\) is a folder, not a file"):
        small(str(tmp_path)).setup()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"property_columns": []}, "data.property_columns must name each column once"),
        ({"property_columns": ["a", "a"]}, "data.property_columns must name each column once"),
        ({"units": {"mass": "u"}}, "data.units has 'mass', which data.property_columns lacks"),
        ({"test_fraction": 0.0}, "data.test_fraction must lie between 0 and 1"),
        ({"val_fraction": 1.0}, "data.val_fraction must lie between 0 and 1"),
        ({"delimiter": "::"}, "data.delimiter must be one character"),
        ({"representation": "morse"}, "representation must be one of deepsmiles"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match=words):
        small("own.csv", **options)


@pytest.mark.parametrize("name", ["grammar", "selfies"])
def test_stib_trains_on_it_unchanged(tmp_path, name):
    data = loaded(written(tmp_path), representation=name, property_columns=["gap", "alpha"])
    model = STIB(
        autoencoder="residual_tokens",
        autoencoder_options={
            "width": 8,
            "hidden": 8,
        },
        latent_dim=4,
        z1_dim=2,
        predictor_options={"width": 8, "depth": 1},
        critic_width=8,
    )
    trainer = Trainer(
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
        num_sanity_val_steps=0,
    )
    trainer.fit(model, data)
    assert 0 <= trainer.callback_metrics["val/validity"] <= 1
    assert "val/mae_gap_ev" in trainer.callback_metrics


# from memory

MEMORY = ["C" * n + end for n in range(2, 22) for end in ("O", "N")]


def test_molecules_in_memory_are_those_of_a_file(tmp_path):
    values = [0.1 * i for i in range(len(MEMORY))]
    path = tmp_path / "mine.csv"
    rows = [f"{s},{v!r}" for s, v in zip(MEMORY, values, strict=True)]
    path.write_text("\n".join(["smiles,logp", *rows]))
    file = SmilesCSVDataModule(str(path), ["logp"], {"logp": "1"}, batch_size=4)
    memory = SmilesCSVDataModule.from_smiles(MEMORY, values, ["logp"], ["1"], batch_size=4)
    for data in (file, memory):
        data.setup()
    assert memory.description == file.description
    for one, other in zip(memory.test_dataloader(), file.test_dataloader(), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_rows_in_memory_are_named():
    values = np.arange(float(len(MEMORY)))
    values[3] = np.nan
    data = SmilesCSVDataModule.from_smiles([*MEMORY[:-1], "C1CC"], values)
    with pytest.raises(
        ValueError, match=r"2 unusable rows: row 3, .*'y0' \('nan'\): missing; row 39, .*'C1CC'"
    ):
        data.setup()


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((["CC", None], [1, 2]), {}, "smiles must be text, got None in row 1"),
        (([], []), {}, "smiles names no molecule"),
        ((["CC"], [1, 2]), {}, "x has 1 samples and y has 2"),
        ((["CC"], [1], ["smiles"]), {}, "names has 'smiles'"),
        ((["CC"], [1]), {"delimiter": ";"}, "data.delimiter is of a file"),
    ],
)
def test_what_no_molecules_in_memory_are(arguments, options, words):
    with pytest.raises(ValueError, match=words):
        SmilesCSVDataModule.from_smiles(*arguments, **options)


def test_no_file_is_named():
    with pytest.raises(ValueError, match=r"SmilesCSVDataModule\.from_smiles"):
        SmilesCSVDataModule(property_columns=["logp"]).setup()
