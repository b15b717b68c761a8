"""Molecules to predict: another file, in the vocabulary of a model."""

from __future__ import annotations

import pytest
import torch

from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules.molecules.prediction_csv import PredictionCSVDataModule
from symmetry_pl.molecules import REPRESENTATIONS, Vocabulary, representation, same_molecule

KNOWN = ["CCO", "CC(C)N", "C1CC1F", "OC=O", "c1ccccc1"]


def described(name="deepsmiles", smiles=KNOWN, length=None):
    sequences = [representation(name).encode(text) for text in smiles]
    symbols = Vocabulary.from_sequences(sequences).symbols
    shape = (length or max(map(len, sequences)),)
    return DataDescription("tokens", shape, ("gap",), ("eV",), (2.0,), (3.0,), symbols, name)


def written(folder, lines, name="new.csv"):
    (folder / name).write_text("\n".join(lines) + "\n")
    return str(folder / name)


def loaded(path, description, **options):
    data = PredictionCSVDataModule(path, **options)
    data.adopt(description)
    data.setup("predict")
    return data


@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_every_row_is_spelled_as_the_model_reads(tmp_path, name):
    smiles = ["OCC", "C1CC1F", "NC(C)C", "OCC"]
    path = written(tmp_path, ["id,smiles", *(f"{i},{text}" for i, text in enumerate(smiles))])
    known = described(name, length=20)
    data = loaded(path, known, eval_batch_size=3)
    assert data.description == known
    batches = list(data.predict_dataloader())
    assert [len(x) for x, _, _ in batches] == [3, 1]
    x, y, rows = (torch.cat(parts) for parts in zip(*batches, strict=True))
    assert x.shape == (4, 20)
    assert y.shape == (4, 0)
    assert rows.tolist() == [0, 1, 2, 3]
    for symbols, text in zip(Vocabulary(known.symbols).decode(x), smiles, strict=True):
        assert same_molecule(data.language.decode(symbols), text)


def test_what_the_model_cannot_read_is_named_or_dropped(tmp_path):
    known = described()
    long = "C" * (known.x_shape[0] + 1)
    path = written(tmp_path, ["smiles,id", "CCO,1", "CCS,2", f"{long},3", "C1C,4", "CC", "OC,6"])
    with pytest.raises(
        ValueError, match=r"new\.csv: 4 unusable rows: row 1 on line 3, .*\('CCS'\): the"
    ):
        loaded(path, known)
    with pytest.warns(UserWarning, match="4 unusable rows.*left out"):
        data = loaded(path, known, on_invalid="drop")
    assert {b.row: b.reason for b in data.bad_rows} == {
        1: "the model has never seen the symbol 'S'",
        2: f"too long for the {known.x_shape[0]} positions of the model",
        3: "SMILES syntax: unclosed ring 1",
        4: "1 fields, but the header has 2",
    }
    ((_, _, rows),) = data.predict_dataloader()
    assert rows.tolist() == [0, 5]


def test_several_processes_repeat_no_molecule(tmp_path, monkeypatch):
    data = loaded(written(tmp_path, ["smiles", *KNOWN]), described())
    monkeypatch.setattr(PredictionCSVDataModule, "world_size", 2)
    rows = []
    for rank in range(2):
        monkeypatch.setattr(PredictionCSVDataModule, "rank", rank)
        rows.append(torch.cat([batch[2] for batch in data.predict_dataloader()]).tolist())
    assert rows == [[0, 2, 4], [1, 3]]
    monkeypatch.setattr(PredictionCSVDataModule, "world_size", 6)
    with pytest.raises(ValueError, match=r"5 molecules for 6 processes: set trainer\.devices to 1"):
        data.predict_dataloader()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["SMILES", "C"], r"no column 'smiles' \(data\.smiles_column\); its columns are SMILES"),
        (["smiles"], r"new\.csv \(data\.path\) has a header but no rows"),
        (["smiles", "CCS", "C1"], "2 unusable rows: .*no row is left"),
    ],
)
def test_files_that_will_not_do(tmp_path, lines, words):
    with pytest.raises(ValueError, match=words):
        loaded(written(tmp_path, lines), described(), on_invalid="drop")


def test_a_model_of_molecules_is_needed(tmp_path):
    data = PredictionCSVDataModule(written(tmp_path, ["smiles", "C"]))
    with pytest.raises(ValueError, match="symmetry predict --ckpt_path CHECKPOINT"):
        data.setup("predict")
    with pytest.raises(ValueError, match="of the kind 'vector', not on molecules"):
        data.adopt(DataDescription("vector", (2,)))
    with pytest.raises(ValueError, match=r"data\.delimiter must be one character"):
        PredictionCSVDataModule("new.csv", delimiter="::")


def test_rows_are_told_apart_as_their_file_does(tmp_path):
    path = written(tmp_path, ["smiles,who", "OCC,b", "C1CC1F,a", "CCO,c"])
    data = loaded(path, described(length=20), id_column="who")
    found = data.row_columns(torch.tensor([0, 2]))
    assert found == {"id": ["b", "c"], "as_written": ["OCC", "CCO"]}
    with pytest.raises(ValueError, match=r"no column 'name' \(data\.id_column\)"):
        loaded(path, described(length=20), id_column="name")
