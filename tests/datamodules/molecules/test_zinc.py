"""ZINC250k: which file, which property, who is held out, and what is computed once."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import pytest
import torch

import symmetry_pl.datamodules.molecules.zinc_table as zinc_table
from symmetry_pl.datamodules.molecules.zinc import ZINCDataModule
from symmetry_pl.molecules import PROPERTIES, Vocabulary, canonical_smiles, same_molecule
from symmetry_pl.runs.provenance import peak_rss_mb

CHAINS = [f"{'C' * n}{end}" for n in range(1, 9) for end in ("O", "N", "c1ccccc1", "C(=O)O")]
RINGS = [f"C1CCC({group})CC1" for group in ("F", "Cl", "Br", "O", "C", "N", "C#N", "C=O")]
MOLECULES = CHAINS + RINGS


def written(folder, smiles=MOLECULES, name="zinc250k.csv"):
    """A file without properties."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(["smiles", *smiles]) + "\n")
    return str(folder)


def published(folder, smiles=MOLECULES):
    """A file in the published form: each SMILES ends in a newline inside its quotes."""
    path = folder / "zinc250k.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "logP", "qed", "SAS"])
        writer.writerows((f"{s}\n", 0.1 * i, 0.01 * i, 2 + i) for i, s in enumerate(smiles))
    return str(folder)


def small(root, tmp_path, **options):
    chosen = {"val_size": 4, "test_size": 6, "batch_size": 5, "cache": str(tmp_path / "cache")}
    return ZINCDataModule(root=root, **(chosen | options))


def loaded(*args, **options):
    data = small(*args, **options)
    data.setup()
    return data


def physical(data, batch):
    d = data.description
    return batch[1] * torch.tensor(d.target_scale) + torch.tensor(d.target_mean)


@pytest.mark.filterwarnings("ignore:.*has no column 'qed'")
@pytest.mark.parametrize("name", ["deepsmiles", "grammar", "selfies"])
def test_batches_spell_their_rows(tmp_path, name):
    data = loaded(written(tmp_path), tmp_path, representation=name)
    d = data.description
    assert (d.kind, d.representation, d.target_names) == ("tokens", name, ("qed_rdkit",))
    vocabulary = Vocabulary(d.symbols)
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        batch = x, y, rows = next(iter(loader))
        assert (x.dtype, y.dtype, tuple(x.shape[1:])) == (torch.int64, torch.float32, d.x_shape)
        values = physical(data, batch)[:, 0]
        for symbols, value, row in zip(vocabulary.decode(x), values, rows, strict=True):
            assert same_molecule(data.language.decode(symbols), MOLECULES[row])
            expected = PROPERTIES["qed_rdkit"](MOLECULES[row])
            assert value.item() == pytest.approx(expected, abs=1e-5)


def test_published_columns_are_used_under_their_own_names(tmp_path):
    data = loaded(published(tmp_path), tmp_path, properties=["logp", "qed", "sas", "logp_rdkit"])
    assert data.description.target_names == ("logp", "qed", "sas", "logp_rdkit")
    batch = next(iter(data.test_dataloader()))
    rows = batch[2].double()
    values = physical(data, batch).double()
    expected = [PROPERTIES["logp_rdkit"](MOLECULES[i]) for i in batch[2]]
    wanted = [0.1 * rows, 0.01 * rows, 2 + rows, torch.tensor(expected)]
    torch.testing.assert_close(values, torch.stack(wanted, 1).double(), rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*has no column 'logP'")
def test_missing_columns_are_computed_and_marked_or_refused(tmp_path):
    root = written(tmp_path)
    with pytest.warns(UserWarning, match="no column 'qed': the target is qed_rdkit"):
        assert loaded(root, tmp_path).description.target_names == ("qed_rdkit",)
    with pytest.raises(ValueError, match="the same values for two of"):
        small(root, tmp_path, properties=["logp_rdkit", "logp"]).setup()
    with pytest.raises(ValueError, match="no column 'SAS', which RDKit does not compute"):
        small(root, tmp_path, properties=["sas"]).setup()


def test_properties_are_rdkits():
    first = "CC(C)(C)c1ccc2occ(CC(=O)Nc3ccccc3F)c2c1"
    assert PROPERTIES["qed_rdkit"](first) == pytest.approx(0.731901, abs=1e-4)
    assert PROPERTIES["logp_rdkit"](first) == pytest.approx(5.0506, abs=1e-4)
    for name in PROPERTIES:
        with pytest.raises(ValueError, match="is not a molecule"):
            PROPERTIES[name]("C1CC")


# the splits


def test_sets_have_their_sizes_and_depend_on_the_seed_alone(tmp_path):
    common = CHAINS + [f"{'C' * n}N(C)C" for n in range(1, 9)]
    root = written(tmp_path, common)

    def splits(**options):
        options = {"properties": ["logp_rdkit"], "max_length": 30, **options}
        return loaded(root, tmp_path, **options)._get()

    data, parts, _ = splits()
    assert [len(p) for p in parts] == [30, 4, 6, 30]
    assert len(torch.cat(parts[:3]).unique()) == len(common)
    rows = {name: data.rows[p].tolist() for name, p in parts._asdict().items()}
    other, again, _ = splits(representation="selfies", batch_size=2)
    assert other.rows[again.test].tolist() == rows["test"]
    assert other.rows[again.val].tolist() == rows["val"]
    other, again, _ = splits(max_train=7)
    assert len(again.train) == 7
    assert set(other.rows[again.train].tolist()) < set(rows["train"])
    assert set(other.rows[again.test].tolist()) <= set(rows["test"])
    moved, parts, _ = splits(split_seed=1)
    assert moved.rows[parts.test].tolist() != rows["test"]


@pytest.mark.parametrize("seed", range(5))
def test_one_molecule_written_twice_is_never_on_both_sides(tmp_path, seed):
    twice = ["OCC", "NCC", "c1ccccc1C", "OC(C)=O", "C(CC)O"]
    smiles = CHAINS + twice
    data = loaded(written(tmp_path, smiles), tmp_path, properties=["logp_rdkit"], split_seed=seed)
    table, parts, _ = data._get()
    sets = [{canonical_smiles(smiles[i]) for i in table.rows[p].tolist()} for p in parts[:3]]
    assert not sets[0] & sets[1]
    assert not sets[0] & sets[2]
    assert not sets[1] & sets[2]


# what is computed


def test_it_is_computed_once_and_only_where_needed(tmp_path, monkeypatch):
    root = written(tmp_path)
    asked = []

    def counted(smiles):
        asked.append(smiles)
        return float(len(smiles))

    monkeypatch.setitem(PROPERTIES, "logp_rdkit", counted)
    options = {"properties": ["logp_rdkit"]}
    first = loaded(root, tmp_path, max_train=10, **options)
    assert len(asked) == 20
    loaded(root, tmp_path, max_train=10, representation="grammar", **options)
    assert len(asked) == 20
    loaded(root, tmp_path, **options)
    assert len(asked) == len(set(asked)) == len(MOLECULES)
    again = loaded(root, tmp_path, max_train=10, **options)
    assert again.description == first.description
    assert torch.equal(again._get()[0].tokens, first._get()[0].tokens)
    assert torch.equal(again._get()[0].y, first._get()[0].y)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache", "zinc250k.csv"]


def test_another_file_is_not_taken_for_the_first(tmp_path):
    options = {"properties": ["logp_rdkit"]}
    loaded(written(tmp_path / "a"), tmp_path, **options)
    data = loaded(written(tmp_path / "b", MOLECULES[::-1]), tmp_path, **options)
    x, _, rows = next(iter(data.test_dataloader()))
    decoded = Vocabulary(data.description.symbols).decode(x)
    assert all(
        same_molecule(data.language.decode(s), MOLECULES[::-1][i])
        for s, i in zip(decoded, rows, strict=True)
    )


def test_preparing_first_changes_nothing(tmp_path):
    root = written(tmp_path)
    plain = loaded(root, tmp_path, properties=["logp_rdkit"])
    prepared = small(root, tmp_path, properties=["logp_rdkit"])
    prepared.prepare_data()
    prepared.setup()
    assert prepared.description == plain.description


# the file


@pytest.mark.parametrize("folder", ["zinc250k", "."])
@pytest.mark.parametrize("name", ["zinc250k.csv", "zinc250k.csv.gz"])
def test_where_the_file_may_be(tmp_path, folder, name):
    target = tmp_path / "data" / folder
    target.mkdir(parents=True)
    content = "\n".join(["smiles", *MOLECULES]).encode()
    (target / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    for root in (tmp_path / "data", target / name):
        data = loaded(str(root), tmp_path, properties=["logp_rdkit"])
        assert len(data._get()[0]) == len(MOLECULES)


def test_a_wrong_published_file_and_none_at_all(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"ZINC250k: 250k_.*cannot be downloaded.*sha256"):
        small(str(tmp_path), tmp_path).setup()
    written(tmp_path, name="250k_rndm_zinc_drugs_clean_3.csv")
    with pytest.raises(ValueError, match=r"ZINC250k: .*has sha256 .*35e3f1a5.*data\.root"):
        small(str(tmp_path), tmp_path).prepare_data()


def test_a_right_published_file_comes_before_ones_own(tmp_path, monkeypatch):
    published(tmp_path)
    path = (tmp_path / "zinc250k.csv").rename(tmp_path / "250k_rndm_zinc_drugs_clean_3.csv")
    monkeypatch.setattr(zinc_table, "_SHA256", zinc_table.sha256_of(path))
    written(tmp_path)
    assert loaded(str(tmp_path), tmp_path).description.target_names == ("qed",)


# what is refused


@pytest.mark.filterwarnings("ignore:.*has no column 'qed'")
def test_unusable_rows_are_named_or_dropped(tmp_path):
    root = written(tmp_path, [*MOLECULES[:20], "C1CC", "FI(F)(F)(F)F", *MOLECULES[20:], "C,1"])
    options = {"representation": "selfies"}
    with pytest.raises(ValueError, match=r"3 unusable rows: row 20, .*'C1CC'.*ring 1; row 21"):
        small(root, tmp_path, **options).setup()
    data = small(root, tmp_path, on_invalid="drop", **options)
    with pytest.warns(UserWarning, match="3 unusable rows.*left out"):
        data.setup()
    reasons = {b.row: b.reason for b in data.bad_rows}
    assert len(data._get()[0]) + len(reasons) == len(MOLECULES) + 3
    assert {20, 21, 42} <= reasons.keys()  # any other has a symbol of its own, and is held out
    assert all("no training molecule has" in reasons[r] for r in reasons.keys() - {20, 21, 42})
    assert "I with 5 bond(s)" in reasons[21]


def test_a_longest_length_pads_and_refuses(tmp_path):
    root = written(tmp_path)
    options = {"properties": ["logp_rdkit"], "on_invalid": "drop"}
    assert loaded(root, tmp_path, max_length=40, **options).description.x_shape == (40,)
    with pytest.warns(UserWarning, match=r"15 symbols, more than data\.max_length=14"):
        data = loaded(root, tmp_path, max_length=14, **options)
    assert data.description.x_shape == (14,)
    assert 0 < len(data.bad_rows) < len(MOLECULES)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"properties": ["mass"]}, "data.properties must be among qed, logp, sas, qed_rdkit"),
        ({"properties": []}, "data.properties must name each property once"),
        ({"properties": ["qed", "qed"]}, "data.properties must name each property once"),
        ({"max_train": 0}, "data.max_train is 0, less than 1"),
        ({"test_size": 0}, "data.test_size is 0"),
        ({"max_length": 0}, "data.max_length must be at least 1, got 0"),
        ({"on_invalid": "ignore"}, "data.on_invalid"),
        ({"representation": "morse"}, "representation must be one of deepsmiles"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match=words):
        ZINCDataModule(**options)


def test_files_that_will_not_do(tmp_path):
    root = written(tmp_path)
    with pytest.raises(ValueError, match="leave nothing of 40 molecules to train on"):
        small(root, tmp_path, test_size=36).setup()
    (tmp_path / "zinc250k.csv").write_text("SMILES,qed\nC,1\n")
    with pytest.raises(ValueError, match="has no column 'smiles', only SMILES, qed"):
        small(root, tmp_path).setup()
    with pytest.raises(RuntimeError, match=r"setup\(\) of the ZINCDataModule"):
        _ = small(root, tmp_path).description


@pytest.mark.slow
@pytest.mark.timeout(1800)  # all of it is read and written anew by RDKit
def test_all_of_zinc250k_fits_in_two_gigabytes(tmp_path):
    own = Path(os.environ.get("SYMMETRY_DATA", "absent")) / "zinc250k" / "zinc250k.csv.gz"
    if not own.exists():
        pytest.skip("needs $SYMMETRY_DATA/zinc250k/zinc250k.csv.gz")
    data = small(str(own), tmp_path, properties=["logp_rdkit"], val_size=2000, test_size=5000)
    data.setup()
    assert data.bad_rows == ()
    assert len(data._get()[0]) == 249_455
    assert peak_rss_mb() < 2 << 10
