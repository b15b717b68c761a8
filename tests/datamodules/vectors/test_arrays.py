import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer

from symmetry_pl import FlowSTIB
from symmetry_pl.datamodules.files.array_files import read_table
from symmetry_pl.datamodules.vectors.arrays import ArrayDataModule
from symmetry_pl.stib.table_recipe import recipe_for

RNG = np.random.default_rng(0)
DATA = RNG.normal(3.0, 2.0, (200, 4)) * [1, 2, 3, 4]


def write_csv(path, rows, header=None):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([header] if header else [])
        writer.writerows(rows)


def npy(values, name="d.npy", **options):
    np.save(name, values)
    module = ArrayDataModule(name, **{"dtype": "float64", **options})
    module.setup()
    return module


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "named csv", "semicolons"])
def test_all_formats_give_the_same_batches(kind):
    if kind == "npy":
        np.save("d.npy", DATA)
    elif kind == "npz":
        np.savez("d.npz", signals=DATA)
    else:
        write_csv("d.csv", DATA, list("abcd") if kind == "named csv" else None)
    if kind == "semicolons":
        text = Path("d.csv").read_text().replace(",", ";")
        Path("d.csv").write_text(text, encoding="utf-8-sig")
    name = {"npy": "d.npy", "npz": "d.npz"}.get(kind, "d.csv")
    module = ArrayDataModule(name, scale=False, dtype="float64", batch_size=16)
    module.setup()
    assert module.description.x_shape == (4,)
    assert module.description.extra["columns"] == list("abcd" if kind == "named csv" else "0123")
    assert "ideal_basis" not in module.description.extra
    (batch,) = module.predict_dataloader()
    x, y, rows = batch
    assert rows.tolist() == list(range(200))
    assert y.shape == (200, 0)
    assert np.array_equal(x.numpy(), DATA)


def test_splits_are_disjoint_and_whole_and_follow_the_seed():
    module = npy(DATA, val_fraction=0.2, test_fraction=0.1, scale=False)
    rows = {name: module.split(name).rows.tolist() for name in ("train", "val", "test")}
    assert [len(rows[name]) for name in rows] == [140, 40, 20]
    assert sorted(i for part in rows.values() for i in part) == list(range(200))
    assert np.array_equal(module.training_inputs(), DATA[rows["train"]])
    assert np.array_equal(module.training_inputs(5), DATA[rows["train"][:5]])
    other = npy(DATA, val_fraction=0.2, test_fraction=0.1, split_seed=1)
    assert other.split("test").rows.tolist() != rows["test"]


def test_the_scale_is_one_number_and_that_of_the_training_set():
    module = npy(DATA, scale=True, topology="ring")
    train = module.training_inputs().numpy()
    assert train.mean() == pytest.approx(0, abs=1e-12)
    assert train.std() == pytest.approx(1)
    extra = module.description.extra
    assert extra["topology"] == "ring"
    assert np.allclose(module.split("all").x * extra["scale"] + extra["mean"], DATA)
    assert module.training_inputs().dtype == torch.float64
    assert npy(DATA, dtype="float32").training_inputs().dtype == torch.float32


def test_columns_by_name_and_number_in_the_order_asked_for():
    write_csv("d.csv", DATA, ["id", "b", "c", "d"])
    module = ArrayDataModule("d.csv", columns=["d", 1, "c"], scale=False, dtype="float64")
    module.setup()
    assert np.array_equal(module.split("all").x, DATA[:, [3, 1, 2]])
    assert module.description.extra["columns"] == ["d", "b", "c"]


def test_columns_that_are_not_used_need_not_be_numbers():
    write_csv("d.csv", [["x", *row] for row in DATA], ["id", *"abcd"])
    module = ArrayDataModule("d.csv", columns=list("abc"))
    module.setup()
    assert module.training_inputs().shape == (160, 3)


def test_files_are_found_in_root(tmp_path):
    (tmp_path / "data").mkdir()
    np.save(tmp_path / "data" / "d.npy", DATA)
    module = ArrayDataModule("d.npy", root=str(tmp_path / "data"))
    module.setup()
    assert len(module.split("all")) == 200


@pytest.mark.parametrize("dtype", ["int16", "float32", ">f8", "bool"])
def test_any_real_array_will_do(dtype):
    values = RNG.integers(0, 2, (300, 4)).astype(dtype)
    assert np.array_equal(npy(values, scale=False).split("all").x, values.astype(float))


def test_unusable_rows_are_named_or_dropped_with_their_count():
    bad = DATA.copy()
    bad[7, 2], bad[150, 0] = np.nan, -np.inf
    where = r"d\.npy has .* in 2 of 200 rows \(row 7 in column '2', row 150 in column '0'\)"
    with pytest.raises(ValueError, match=f"{where}: set data.on_invalid to drop"):
        npy(bad)
    with pytest.warns(UserWarning, match=f"{where}; left out"):
        module = npy(bad, on_invalid="drop", scale=False)
    kept = [i for i in range(200) if i not in (7, 150)]
    assert module.split("all").rows.tolist() == kept
    assert np.array_equal(module.split("all").x, DATA[kept])


def test_empty_cells_are_missing_numbers():
    rows = [[str(v) for v in row] for row in DATA]
    rows[3][1], rows[4][0], rows[5][2] = "", "NA", "nan"
    rows[6][3] = "inf"
    rows[8][3] = " n/a "
    write_csv("d.csv", rows)
    module = ArrayDataModule("d.csv", on_invalid="drop")
    with pytest.warns(UserWarning, match=r"5 of 200 rows \(row 3 .* and 2 more\)"):
        module.setup()
    assert len(module.split("all")) == 195


def test_noise_makes_up_for_dependent_columns():
    dependent = np.column_stack([DATA, DATA.sum(1)])
    module = npy(dependent, noise=0.1, scale=False)
    rows = module.split("train").rows
    noise = module.training_inputs().numpy() - dependent[rows]
    assert noise.std() == pytest.approx(0.1 * dependent[rows].std(), rel=0.1)
    # a row has the same noise whatever asks for it
    assert torch.equal(module.split("all").x[rows], module.training_inputs())


def assert_refused(message, values=None, **options):
    def attempt():
        return ArrayDataModule(**options).setup() if values is None else npy(values, **options)

    with pytest.raises((ValueError, FileNotFoundError), match=message) as refused:
        attempt()
    assert "\n" not in str(refused.value)


def test_data_that_cannot_be_used_are_refused_in_one_sentence():
    assert_refused(r"leaves 160 training rows for 170 columns", RNG.normal(size=(200, 170)))
    assert_refused(r"2 columns are fewer than the 3 .* data\.columns", DATA[:, :2])
    assert_refused(
        r"columns '1', '3' are the same in all training rows.*data\.columns", DATA * [1, 0, 1, 0]
    )
    assert_refused(r"column '2' is the same", DATA * [1, 1, 0, 1] + 5)
    dependent = np.column_stack([DATA[:, 0], DATA.sum(1), DATA[:, 1:]])
    assert_refused(
        r"5 columns have rank 4 .*column '\d'.*data\.columns, or set data\.noise", dependent
    )
    assert_refused("have rank 4", dependent.astype(np.float32))
    assert_refused(r"beyond 1e\+100", DATA * 1e150)
    assert_refused(
        r"as large as .*e\+61, beyond 3\.4e\+38: .*set data\.scale",
        DATA * 1e60,
        dtype="float32",
        scale=False,
    )
    assert_refused(r"the val set is empty: d\.npy has only 4 usable rows", DATA[:4])
    assert_refused(r"the train set is empty", DATA[:0])
    assert npy(DATA * [1, 1e-9, 1, 1]).description.x_shape == (4,)


def test_files_that_cannot_be_read_are_refused_in_one_sentence():
    assert_refused(
        r"data\.file is 'absent\.npy', but there is no such file here or at /r/absent",
        file="absent.npy",
        root="/r",
    )
    assert_refused(r"d\.npy has shape \(200,\), but samples must be the rows", DATA[:, 0])
    assert_refused(r"d\.npy holds complex128, not real numbers", DATA * 1j)
    np.save("o.npy", np.array([None, {}], dtype=object), allow_pickle=True)
    assert_refused(r"o\.npy is not an array of numbers .*never loaded", file="o.npy")
    np.savez("two.npz", a=DATA, b=DATA[0], o=np.array([None], dtype=object))
    assert_refused(r"data\.key is null, but must be one of a, b, o in two\.npz", file="two.npz")
    assert_refused(r"data\.key is 'c', but must be one of", file="two.npz", key="c")
    assert_refused(r"array 'b' of two\.npz has shape \(4,\)", file="two.npz", key="b")
    assert_refused(r"array 'o' of two\.npz is not an array of numbers", file="two.npz", key="o")
    Path("cut.npz").write_bytes(Path("two.npz").read_bytes()[:100])
    assert_refused(r"cut\.npz is not an array", file="cut.npz")
    Path("e.npy").touch()
    assert_refused(r"e\.npy is not an array", file="e.npy")
    assert_refused(r"data\.key is 'a', but d\.npy is not a \.npz file", DATA, key="a")
    assert_refused(r"data\.header is True, but d\.npy is not a \.csv", DATA, header=True)
    Path("d.mat").touch()
    assert_refused(r"data\.file must end in \.npy, \.npz or \.csv, got d\.mat", file="d.mat")


def test_tables_that_cannot_be_read_are_refused_in_one_sentence():
    rows = [[str(v) for v in row] for row in DATA]
    rows[11][2] = "1,5"
    write_csv("d.csv", rows, list("abcd"))
    assert_refused(
        r"d\.csv: row 11, column 'c' is '1,5', not a number.*data\.columns", file="d.csv"
    )
    assert_refused(
        r"data\.columns: d\.csv has no column 'e'; it has a, b, c, d", file="d.csv", columns=["e"]
    )
    assert_refused(r"names a column twice: a, 0", file="d.csv", columns=["a", "0"])
    write_csv("g.csv", DATA, list("abca"))
    assert_refused(r"g\.csv has 'a' more than once: use its number", file="g.csv", columns=["a"])
    rows[11] = rows[11][:3]
    write_csv("r.csv", rows)
    assert_refused(r"r\.csv: row 11 has 3 cells, but the first line has 4", file="r.csv")
    Path("e.csv").touch()
    assert_refused(r"e\.csv is empty", file="e.csv")
    Path("b.csv").write_bytes(b"\xe41,2,3\n")
    assert_refused(r"b\.csv is not text in UTF-8 \(byte 0\)", file="b.csv")


@pytest.mark.parametrize("first", [["0", "1", "2", "3"], ["", "0", "1", "2"], ["a", "2", "b", "c"]])
def test_a_first_line_that_may_be_names_or_numbers_is_asked_about(first):
    write_csv("d.csv", DATA, first)
    assert_refused(r"d\.csv starts with .*set data\.header to true or false", file="d.csv")
    assert np.array_equal(read_table_values("d.csv", True), DATA)
    if first[0] == "0":
        assert len(read_table_values("d.csv", False)) == 201


def read_table_values(name, header):
    return read_table(Path(name), header=header).values


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"val_fraction": 0.0}, r"data\.val_fraction must lie between 0 and 1"),
        ({"test_fraction": 1.0}, r"data\.test_fraction must lie between"),
        ({"val_fraction": 0.6, "test_fraction": 0.4}, "leave nothing to train on"),
        ({"on_invalid": "skip"}, r"data\.on_invalid must be raise or drop, got 'skip'"),
        ({"topology": "line"}, r"data\.topology must be chain or ring"),
        ({"noise": -1.0}, r"data\.noise must be at least 0"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    assert_refused(message, file="d.npy", **options)


def test_arrays_in_memory_are_those_of_a_file():
    targets = DATA[:, [3]] ** 2
    write_csv("d.csv", np.column_stack([DATA, targets]), [*"abcd", "energy"])
    options = {"dtype": "float64", "batch_size": 16}
    file = ArrayDataModule("d.csv", targets=["energy"], units={"energy": "eV"}, **options)
    memory = ArrayDataModule.from_arrays(torch.tensor(DATA), targets, ["energy"], ["eV"], **options)
    for data in (file, memory):
        data.setup()
        assert data.gives_targets
        assert data.description.metric_names() == ["mae_energy_ev"]
        assert data.description.extra["split"] == {
            "split_seed": 0, "val_fraction": 0.1, "test_fraction": 0.1,
        }  # fmt: skip
    assert memory.description.same_as(file.description)
    for name in ("train", "val", "test", "all"):
        for ours, theirs in zip(
            memory.split(name).__getitems__(range(5)),
            file.split(name).__getitems__(range(5)),
            strict=True,
        ):
            assert torch.equal(ours, theirs)
    y = memory.split("train").y
    assert y.mean().abs() < 1e-9
    assert y.std(unbiased=False) == pytest.approx(1)


@pytest.mark.parametrize(
    ("arrays", "options", "words"),
    [
        (([1.0, 2.0],), {}, r"x must be real numbers \(N, d\)"),
        ((DATA, DATA[:9]), {}, "x has 200 samples and y has 9"),
        ((DATA, [["a"]] * 200), {}, "y must be real numbers"),
        ((DATA, DATA, ["a"]), {}, "y has 4 columns, and names has 1 entries"),
        ((DATA, DATA[:, 0], ["a"], ["eV", "D"]), {}, "y has 1 columns, and units has 2 entries"),
        ((DATA, DATA[:, :2], ["a", "a"]), {}, "names must name each column of y once"),
        ((DATA,), {"key": "x"}, r"data\.key is of a file"),
    ],
)
def test_arrays_in_memory_that_will_not_do(arrays, options, words):
    with pytest.raises(ValueError, match=words):
        ArrayDataModule.from_arrays(*arrays, **options)


def test_targets_that_will_not_do():
    same = ArrayDataModule.from_arrays(DATA, np.ones(200))
    with pytest.raises(ValueError, match=r"data\.targets: y0 is the same for all training rows"):
        same.setup()
    missing = ArrayDataModule.from_arrays(DATA, np.where(np.arange(200) == 7, np.nan, DATA[:, 0]))
    with pytest.raises(ValueError, match="row 7 in column 'y0'"):
        missing.setup()


def test_an_array_where_a_path_belongs_names_the_way():
    with pytest.raises(ValueError, match=r"ArrayDataModule\.from_arrays"):
        ArrayDataModule(DATA)


def test_a_method_with_targets_trains_on_arrays_in_memory():
    data = ArrayDataModule.from_arrays(DATA, DATA[:, :1] ** 2, batch_size=80)
    trainer = Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    model = FlowSTIB()
    trainer.fit(model, data)
    assert trainer.global_step > 0
    assert all(p.isfinite().all() for p in model.parameters())


def test_a_model_reads_other_rows_with_its_own_scale():
    write_csv("d.csv", np.column_stack([DATA, DATA[:, 0] ** 2]), [*"abcd", "energy"])
    data = ArrayDataModule("d.csv", targets=["energy"], dtype="float64")
    data.setup()
    write_csv("new.csv", DATA[50:55, ::-1], list("dcba"))
    other = ArrayDataModule("new.csv", targets=["energy"], dtype="float64")
    other.adopt(data.description)
    other.setup()
    (batch,) = other.predict_dataloader()
    assert torch.equal(batch[0], data.split("all").x[50:55])
    assert batch[1].shape == (5, 0)
    assert other.description == data.description
    again = ArrayDataModule("d.csv", targets=["energy"], dtype="float64")
    again.adopt(data.description)
    again.setup()
    assert again.gives_targets
    assert torch.allclose(again.split("all").y, data.split("all").y)


def test_a_model_reads_arrays_in_memory():
    data = ArrayDataModule.from_arrays(DATA, dtype="float64")
    data.setup()
    other = ArrayDataModule.from_arrays(5 * DATA[:7], dtype="float64")
    other.adopt(data.description)
    other.setup()
    extra = data.description.extra
    assert np.allclose(other.split("all").x * extra["scale"] + extra["mean"], 5 * DATA[:7])
    narrow = ArrayDataModule.from_arrays(DATA[:, :3])
    narrow.adopt(data.description)
    with pytest.raises(ValueError, match=r"x has 3 columns, and the model .* shape \(4,\)"):
        narrow.setup()


def test_the_rows_that_are_trained_on_are_told_to_the_model():
    x = np.random.default_rng(0).normal(size=(300, 4))
    data = ArrayDataModule.from_arrays(x, x[:, :1], ["y"])
    data.setup()
    assert data.description.extra["rows"] == len(data.split("train")) == 240
    model = FlowSTIB(z1_dim=1)
    model.describe_data(data.description)
    assert model.recipe == recipe_for(data.description)
    assert model.recipe.blocks == 1
