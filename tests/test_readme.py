"""What the README says works."""

import re
from pathlib import Path

import pytest

from symmetry_pl.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_python_example_runs():
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    for long, short in (("max_epochs=5", "max_epochs=1"), ("100_000", "1_024")):
        assert long in code
        code = code.replace(long, short)
    names = {}
    exec(code, names)
    assert names["model"].batches_seen == 2


def test_the_commands_exist():
    assert "make run" in README
    assert "make test" in README
    makefile = (Path(__file__).parents[1] / "Makefile").read_text()
    assert re.search(r"^run:", makefile, flags=re.MULTILINE)
    assert re.search(r"^test:", makefile, flags=re.MULTILINE)


def test_a_model_explains_its_options(capsys):
    with pytest.raises(SystemExit) as done:
        main(["fit", "--model.help", "STIB"])
    assert done.value.code == 0
    text = capsys.readouterr().out
    for option in ("z1_dim", "lambda_growth", "leakage_points", "phases", "players"):
        assert option in text
