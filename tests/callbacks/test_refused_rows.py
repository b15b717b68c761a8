"""A table as a spreadsheet program writes it, with 40 bad rows: one command, a sentence, a file."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from symmetry_pl.cli import main

pytestmark = pytest.mark.usefixtures("quick_probes")

ROWS, BAD = 400, range(5, 400, 10)  # 40 rows
RUN = Path("logs/mine")


@pytest.fixture
def spreadsheet():
    """BOM, semicolons, CR LF, decimal commas, spaces in names, and text where numbers belong."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 3))
    cells = [[f"sample {i}", *row] for i, row in enumerate(np.round(x, 4).tolist())]
    lines = [" Sample ID ;Wall thickness (mm);Length, total;Heat loss"]
    for i, (name, *numbers) in enumerate(cells):
        written = [str(v).replace(".", ",") for v in (*numbers[:2], numbers[0] ** 2)]
        if i in BAD:
            written[i % 3] = ["", "n/a", "#DIV/0!", "1,2,3"][i // 10 % 4]
        lines.append(";".join([name, *written]))
    path = Path("heat.csv")
    path.write_bytes(("\ufeff" + "\r\n".join(lines) + "\r\n").encode("utf-8"))
    return path


def command(path, *more):
    return [
        "fit", "--model", "FlowSTIB", "--data", "TableDataModule", f"--data.path={path}",
        "--data.targets=[Heat loss]", "--data.id_column=Sample ID", "--data.batch_size=64",
        "--data.samples_per_epoch=128", "--trainer.max_epochs=1", "--trainer.accelerator=cpu",
        "--log_root=logs", "--run_name=mine",
        "--trainer.limit_val_batches=0", *more,
    ]  # fmt: skip


def check(path):
    with path.open(newline="", encoding="utf-8") as file:
        faults = list(csv.DictReader(file))
    assert list(faults[0]) == ["row", "line", "column", "value", "reason"]
    assert [int(fault["row"]) for fault in faults] == list(BAD)
    assert [int(fault["line"]) for fault in faults] == [row + 2 for row in BAD]
    names = ["Wall thickness (mm)", "Length, total", "Heat loss"]
    assert [fault["column"] for fault in faults] == [names[row % 3] for row in BAD]
    reasons = {fault["value"]: fault["reason"] for fault in faults}
    assert reasons == {
        "": "missing", "n/a": "missing", "#DIV/0!": "no number", "1,2,3": "no number",
    }  # fmt: skip


def test_refused_rows_are_one_sentence_and_a_file_that_it_names(spreadsheet, capsys):
    assert main(command(spreadsheet)) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("symmetry: error: heat.csv: 40 unusable rows: row 5 on line 7, column")
    assert "set data.on_invalid to drop to leave them out" in said
    assert said.endswith(f"; all 40 faults are listed in {RUN / 'bad_rows.csv'}")
    check(RUN / "bad_rows.csv")
    assert [path.name for path in RUN.iterdir()] == ["bad_rows.csv"]  # no run


def test_dropped_rows_are_listed_in_the_run_and_predictions_name_the_others(spreadsheet, capsys):
    with pytest.warns(UserWarning, match="40 unusable rows: .*; left out"):
        assert main(command(spreadsheet, "--data.on_invalid=drop")) == 0
    run = RUN / "version_0"
    check(run / "bad_rows.csv")
    assert f"all 40 faults are listed in {run / 'bad_rows.csv'}" in capsys.readouterr().out
    before = (run / "bad_rows.csv").read_bytes()

    # another file: without targets, columns elsewhere, decimal points, some rows
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["Length, total", "who", "Wall thickness (mm)"])
    writer.writerows([[0.5, "a", 1.0], ["x", "b", 1.0], [-0.25, "c", 2.0]])
    Path("new.csv").write_text(text.getvalue())
    checkpoint = run / "checkpoints/last.ckpt"
    predict = ["predict", f"--ckpt_path={checkpoint}", "--data=TableDataModule"]
    with pytest.warns(UserWarning, match="1 unusable row: row 1 on line 3, column 'Length, total'"):
        assert main([*predict, "--data.path=new.csv", "--data.id_column=who"]) == 0
    assert (run / "bad_rows.csv").read_bytes() == before
    assert '1,3,"Length, total",x,no number' in (run / "bad_rows_predictions_new.csv").read_text()
    with (run / "predictions_new.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["a", "c"]
    assert [float(row["Wall thickness (mm)"]) for row in rows] == [1, 2]
    assert [float(row["Length, total"]) for row in rows] == [0.5, -0.25]
    for name in ("Wall thickness (mm)", "Length, total"):
        assert [float(row[f"{name}_hat"]) for row in rows] == pytest.approx(
            [float(row[name]) for row in rows], abs=1e-4
        )
