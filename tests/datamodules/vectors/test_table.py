"""Tables of people's own: what is read, how it is scaled, dealt and split, and what is refused."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer

from symmetry_pl import FlowSTIB
from symmetry_pl.core import DataDescription
from symmetry_pl.core.bad_rows import RefusedRows
from symmetry_pl.datamodules import TableDataModule

RNG = np.random.default_rng(0)
X = RNG.normal(3.0, 2.0, (200, 3)) * [1, 20, 0.3]
Y = X[:, 0] ** 2
NAMES = ["length, mm", "mass (kg)", "c"]


def written(delimiter=",", decimal=".", end="\n", quoting=csv.QUOTE_MINIMAL, note="a;b, c"):
    """The table as text, with an ID, a column of text and a target."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(["id", *NAMES, "note", "energy"])
    for i, row in enumerate(zip(X.tolist(), Y.tolist(), strict=True)):
        numbers = [repr(v).replace(".", decimal) for v in (*row[0], row[1])]
        writer.writerow([f"s{i:03}", *numbers[:-1], note, numbers[-1]])
    return text.getvalue()


def table(text, name="t.csv", encoding="utf-8", **options):
    Path(name).write_bytes(text.encode(encoding))
    options = {"targets": ["energy"], "id_column": "id", **options}
    return TableDataModule(name, **options)


def quiet(data, *left_out):
    match = " and ".join(left_out) or "'note' left out of the inputs"
    with pytest.warns(UserWarning, match=match):
        data.setup()
    return data


def numbers_of(data, rows=None):
    columns = data.row_columns(torch.arange(200) if rows is None else rows)
    return np.array([columns[name] for name in data.description.extra["columns"]]).T


# -- what is read --------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize(
    ("end", "encoding", "quoting"),
    [
        ("\n", "utf-8", csv.QUOTE_MINIMAL),
        ("\r\n", "utf-8-sig", csv.QUOTE_ALL),
        ("\r", "utf-16", csv.QUOTE_MINIMAL),
    ],
)
def test_all_writings_of_a_table_are_read_as_the_same_numbers(
    delimiter, decimal, end, encoding, quoting
):
    data = quiet(table(written(delimiter, decimal, end, quoting), encoding=encoding))
    assert data.description.extra["columns"] == NAMES
    assert np.array_equal(numbers_of(data), X)
    assert data.row_columns(torch.tensor([7]))["id"] == ["s007"]
    y = data.split("all").y[:, 0].numpy() * data.description.target_scale
    assert np.allclose(y + data.description.target_mean, Y, atol=1e-5)


def test_batches_are_standardised_by_column_in_double_precision():
    x = X.copy()
    x[:, 1] = 1.7e9 + 10 * X[:, 0]  # a timestamp
    data = TableDataModule.from_arrays(x, Y, columns=NAMES, split_seed=3)
    data.setup()
    train = data.split("train")
    assert train.x.dtype == torch.float32
    assert train.x.mean(0).abs().max() < 1e-6
    assert torch.allclose(train.x.std(0, unbiased=False), torch.ones(3), atol=1e-6)
    assert torch.allclose(train.x[:, 1], train.x[:, 0], atol=2e-6)
    extra = data.description.extra
    assert extra["rows"] == len(train) == 160
    assert np.allclose(extra["mean"], x[train.rows].mean(0), rtol=1e-12)
    assert np.allclose(extra["scale"], x[train.rows].std(0), rtol=1e-6)
    restored = data.split("all").x.double().numpy() * extra["scale"] + extra["mean"]
    assert np.abs(restored - x).max() < 1e-5


def test_scales_of_tiny_and_of_large_numbers():
    x = X * [1e-200, 1e90, 1]
    data = TableDataModule.from_arrays(x, split_seed=3)
    data.setup()
    assert torch.allclose(data.split("train").x.std(0, unbiased=False), torch.ones(3), atol=1e-5)


def test_a_constant_column_is_named_and_has_scale_one():
    x = np.column_stack([X, np.full(200, 7.0)])
    data = quiet(TableDataModule.from_arrays(x), "'x3' of the inputs is the same in all training")
    assert data.description.extra["scale"][3] == 1
    assert data.description.extra["mean"][3] == 7
    assert not data.split("all").x[:, 3].any()


def test_columns_by_name_and_number_in_the_order_asked_for():
    data = table(written(), inputs=["c", 1], units={"energy": "eV"})
    data.setup()
    assert data.description.extra["columns"] == ["c", "length, mm"]
    assert np.array_equal(numbers_of(data), X[:, [2, 0]])
    assert data.description.metric_names() == ["mae_energy_ev"]


def test_a_table_without_names_or_targets():
    text = "\n".join(",".join(map(repr, row)) for row in X.tolist())
    data = table(text, targets=[], id_column=None)
    data.setup()
    assert data.description.extra["columns"] == ["0", "1", "2"]
    assert np.array_equal(numbers_of(data), X)
    assert next(iter(data.val_dataloader()))[1].shape == (20, 0)


class Frame:
    """What pandas and polars have in common."""

    def __init__(self, columns):
        self._columns = columns
        self.columns = list(columns)

    def __getitem__(self, name):
        return self._columns[name]


@pytest.mark.parametrize("kind", [dict, Frame])
def test_frames_are_the_same_as_files(kind):
    columns = dict(zip(NAMES, X.T, strict=True))
    frame = {"id": [f"s{i:03}" for i in range(200)], **columns, "note": ["n"] * 200, "energy": Y}
    memory = TableDataModule.from_frame(kind(frame), targets=["energy"], id_column="id")
    data = quiet(table(written()))
    quiet(memory)
    assert memory.description == data.description
    for name in ("train", "val", "test", "all"):
        ours, theirs = memory.split(name), data.split(name)
        assert torch.equal(ours.x, theirs.x)
        assert torch.equal(ours.y, theirs.y)
    assert memory.row_columns(torch.tensor([3, 1])) == data.row_columns(torch.tensor([3, 1]))


def test_objects_in_a_frame():
    from datetime import datetime
    from decimal import Decimal

    rows = 60
    values = np.arange(rows, dtype=float).astype(object)
    values[3], values[4], values[5], values[6] = None, "4.0", float("inf"), Decimal("6.5")
    dates = np.array([np.datetime64("2020-01-01") + i for i in range(rows)])
    times = [datetime(2020, 1, 1 + i % 28) for i in range(rows)]
    frame = {"a": values, "b": np.arange(rows) % 7, "dates": dates, "times": times}
    data = TableDataModule.from_frame(frame, on_invalid="drop")
    quiet(data, "'dates', 'times' left out")
    assert [(b.row, b.column, b.reason) for b in data.bad_rows] == [
        (3, "a", "missing"), (4, "a", "text, no number"), (5, "a", "infinite"),
    ]  # fmt: skip
    assert data.row_columns(torch.tensor([6]))["a"] == [6.5]


# -- unusable rows -------------------------------------------------------------------------------


def spoilt():
    cells = [line.split(";") for line in written(";", ",", "\r\n", note="n").splitlines()]
    cells[6][2] = ""  # row 5
    cells[8][1] = "abc"
    cells[8][2] = "n/a "
    cells[10][3] = "inf"
    cells[12] = cells[12][:2]
    cells[14] = [""] * len(cells[14])
    cells[16][-1] = "?"  # the target
    return "\r\n".join(";".join(row) for row in cells)


FAULTS = [
    (5, 7, "mass (kg)", "", "missing"),
    (7, 9, "length, mm", "abc", "no number"),
    (7, 9, "mass (kg)", "n/a ", "missing"),
    (9, 11, "c", "inf", "infinite"),
    (13, 15, "", "", "every cell is empty"),
    (15, 17, "energy", "?", "no number"),
]


def test_unusable_rows_are_named_with_row_line_and_column():
    data = table(spoilt(), "bad.csv")
    with pytest.raises(RefusedRows, match=r"6 unusable rows: row 5 on line 7, column") as refusal:
        data.setup()
    assert "set data.on_invalid to drop" in str(refusal.value)
    assert data.bad_rows == refusal.value.rows
    found = [(b.row, b.line, b.column, b.text, b.reason) for b in data.bad_rows if b.row != 11]
    assert found == FAULTS
    (ragged,) = (b for b in data.bad_rows if b.row == 11)
    assert (ragged.line, ragged.column) == (13, "")
    assert ragged.reason == "2 fields, but the header has 6"


def test_dropped_rows_are_counted_and_the_others_are_as_they_were():
    data = table(spoilt(), "bad.csv", on_invalid="drop")
    with pytest.warns(UserWarning, match="6 unusable rows: .*; left out"):
        data.setup()
    kept = [i for i in range(200) if i not in (5, 7, 9, 11, 13, 15)]
    assert data.split("all").rows.tolist() == kept
    assert np.array_equal(numbers_of(data, torch.tensor(kept)), X[kept])


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("a;b\n1,5;2.5\n2;3", {}, r"decimal points and decimal commas: '2\.5' \(row 0, column 'b'"),
        ("a;b\n1,234;2\n5,678;3", {}, r"such as '1,234' .* may be fractions or thousands"),
        ("a;b\n1.234;2\n5.678;3", {}, r"such as '1\.234' .* may be fractions or thousands"),
        (
            "a;b\n1.234,5;2\n2;3",
            {},
            r"1 numbers with a separator of thousands .*write them without",
        ),
        ("a;b\n1 234;2\n2;3", {"on_invalid": "drop"}, "separator of thousands"),
        ("a;b\n1,234;2\n2;3", {"decimal": "."}, "separator of thousands"),
        ("a,b\n1,x\n2,y", {"inputs": ["b"]}, r"data\.inputs: column 'b' .* no number, such as 'x'"),
        ("a,b\nu,x\nv,y", {}, "no column of numbers"),
        ("a,b\n1,2\n", {"inputs": ["c"]}, r"data\.inputs: .* has no column 'c'; it has a, b"),
        ("a,b\n1,2\n", {"inputs": ["a"], "targets": ["a"]}, r"data\.inputs has a, which data\.tar"),
        ("a,a\n1,2\n", {}, "has 'a' more than once: rename"),
        ("a,b\n1,2\n", {"id_column": "who"}, r"data\.id_column: .* no column 'who'"),
        ("a,b\n1e200,2\n3,4", {}, r"column 'a' of .* as large as 1e\+200, beyond 1e\+100"),
        ("a,b\n", {}, "has a header but no rows"),
        ("", {}, "is empty"),
        ("a\x00,b\n1,2", {}, "characters of code 0"),
        ("a,b;c\nu,v;w\nx,y;z", {}, r"a comma or a semicolon between its cells: set data\.delim"),
        ("a,b\n1,2\n3,4\n", {}, "the val set is empty: .* only 2 usable rows that differ"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(text, options, words):
    options = {"targets": [], "id_column": None, **options}
    with pytest.raises(ValueError, match=words) as refusal:
        table(text, **options).setup()
    assert "\n" not in str(refusal.value)


def test_a_spreadsheet_in_a_code_page_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"not text in UTF-8 \(byte 1\): .*CSV UTF-8"):
        table("aä,b\n1,2\n", encoding="cp1252", targets=[], id_column=None).setup()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"decimal": "·"}, r"data\.decimal must be"),
        ({"delimiter": ";;"}, r"data\.delimiter must be one character"),
        ({"samples_per_epoch": 0}, r"data\.samples_per_epoch must be at least 1"),
        ({"units": {"y": "eV"}}, r"data\.units has 'y', which data\.targets lacks"),
        ({"inputs": []}, r"data\.inputs names no column"),
        ({"val_fraction": 1.5}, r"data\.val_fraction"),
    ],
)
def test_options_are_refused_before_anything_is_read(options, words):
    with pytest.raises(ValueError, match=words):
        TableDataModule("absent.csv", **options)


def test_a_value_that_single_precision_lacks_names_its_row():
    x = X.copy()
    data = TableDataModule.from_arrays(x, split_seed=0)
    data.setup()
    x[data.split("test").rows[0], 1] = 1e99
    data = TableDataModule.from_arrays(x, split_seed=0)
    data.setup()
    with pytest.raises(ValueError, match=r"has 1e\+99 in column 'x1', .* deviations from"):
        data.split("test")


# -- sets and epochs -----------------------------------------------------------------------------


def test_identical_rows_are_in_one_set_and_contradictions_are_reported():
    x = np.concatenate([X, X[:50], X[:20]])
    y = np.concatenate([Y, Y[:50], Y[:20] + 1])
    data = quiet(
        TableDataModule.from_arrays(x, y, val_fraction=0.2),
        "60 rows have the inputs of another row and other targets "
        r"\(rows 0 and 200 and others, rows 1 and 201 and others, .* and 17 more\)",
    )
    sets = [set(data.split(name).rows.tolist()) for name in ("train", "val", "test")]
    assert sorted(i for rows in sets for i in rows) == list(range(270))
    for i in range(50):
        twins = {i, 200 + i} | ({250 + i} if i < 20 else set())
        assert sum(bool(rows & twins) for rows in sets) == 1
    assert len(data.split("val")) >= 40
    order = data.split("train").rows.tolist()
    assert order != sorted(order)


def test_identical_inputs_of_one_hash_are_still_told_apart(monkeypatch):
    from symmetry_pl.datamodules.vectors import same_rows as module

    x = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [5.0, 6.0]])
    expected = module.same_rows(x).tolist()
    monkeypatch.setattr(module, "_MIX", np.uint64(0))
    assert module.same_rows(x).tolist() == expected == [0, 1, 0, 2]


@pytest.mark.parametrize("samples", [64, 1000])
def test_epochs_have_one_size_and_go_on_where_they_ended(samples):
    data = TableDataModule.from_arrays(X, Y, samples_per_epoch=samples, batch_size=16)
    data.setup()
    loader = data.train_dataloader()
    seen = []
    for epoch in range(6):
        loader.sampler.set_epoch(epoch)
        rows = [int(i) for batch in loader for i in batch[2]]
        assert len(rows) == samples // 16 * 16
        seen += list(loader.sampler)
    passes = [seen[i : i + 160] for i in range(0, len(seen) - 159, 160)]
    assert all(sorted(one) == list(range(160)) for one in passes)
    assert len({tuple(one) for one in passes}) == len(passes)


def test_epochs_are_the_same_for_any_number_of_processes():
    from symmetry_pl.datamodules.samplers import PassSampler

    def dealt(world):
        samplers = [PassSampler(160, 64, 3, world, rank) for rank in range(world)]
        for sampler in samplers:
            sampler.set_epoch(2)
        return [i for places in zip(*samplers, strict=True) for i in places]

    assert dealt(1) == dealt(2) == dealt(4)
    assert len(dealt(1)) == 64


def test_the_order_of_passes_is_what_it_was():
    from symmetry_pl.datamodules.samplers import PassSampler

    sampler = PassSampler(5, 7, seed=3)
    assert list(sampler) == [1, 2, 3, 4, 0, 1, 4]
    sampler.set_epoch(1)
    assert list(sampler) == [2, 3, 0, 1, 2, 4, 3]


def test_one_pass_an_epoch():
    data = TableDataModule.from_arrays(X, Y, samples_per_epoch=None, batch_size=16)
    data.setup()
    rows = [int(i) for batch in data.train_dataloader() for i in batch[2]]
    assert sorted(rows) == sorted(data.split("train").rows.tolist())


@pytest.mark.parametrize("decimal", [",", "."])
def test_what_may_be_thousands_is_what_decimal_says(tmp_path, decimal):
    path = tmp_path / "t.csv"
    path.write_text("a;b\n" + "".join(f"{i},125;{i}\n" for i in range(1, 40)))
    data = TableDataModule(str(path), targets=["b"], decimal=decimal)
    if decimal == ".":
        with pytest.raises(ValueError, match="has no number, such as '1,125'"):
            data.setup()
    else:
        data.setup()
        assert data.row_columns(torch.tensor([0]))["a"] == [1.125]


# -- a model's view ------------------------------------------------------------------------------


def test_a_model_reads_another_table_by_name_and_with_its_own_scales():
    data = quiet(table(written()))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["c", "extra", *NAMES[:2]])
    writer.writerows((c, "?", a, b) for a, b, c in X[40:45].tolist())
    other = TableDataModule("new.csv", targets=["energy"], id_column="id")
    Path("new.csv").write_text(text.getvalue())
    other.adopt(data.description)
    other.setup()
    assert other.description == data.description
    assert not other.gives_targets
    (batch,) = other.predict_dataloader()
    assert torch.equal(batch[0], data.split("all").x[40:45])
    assert batch[1].shape == (5, 0)
    assert batch[2].tolist() == [0, 1, 2, 3, 4]
    assert other.bad_rows == ()


def test_targets_of_a_model_are_read_where_they_are_there():
    data = quiet(table(written()))
    other = table(written(), "same.csv", targets=[])
    other.adopt(data.description)
    other.setup()
    assert torch.allclose(other.split("all").y, data.split("all").y)


def test_a_table_that_lacks_columns_of_a_model_names_them():
    data = quiet(table(written()))
    other = TableDataModule.from_arrays(X[:, :1], columns=["c"])
    other.adopt(data.description)
    with pytest.raises(
        ValueError, match=r"lacks 'length, mm', 'mass \(kg\)' of the model's inputs"
    ):
        other.setup()
    with pytest.raises(ValueError, match="without names of columns"):
        other.adopt(DataDescription("tokens", (4,), symbols=("", "C")))


def test_a_method_trains_on_a_table():
    data = TableDataModule.from_arrays(X, Y, samples_per_epoch=1024, batch_size=128)
    trainer = Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    model = FlowSTIB()
    trainer.fit(model, data)
    assert trainer.global_step == 8
    assert all(p.isfinite().all() for p in model.parameters())
