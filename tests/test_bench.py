"""Exponents of growth, and ratios to a baseline."""

import importlib.util
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def module(name):
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", BENCHMARKS / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def result(seconds, brand="A", exponent=2.0):
    return {
        "machine_info": {"cpu": {"brand_raw": brand}},
        "benchmarks": [
            {"name": name, "fullname": name, "stats": {"min": t}} for name, t in seconds.items()
        ],
        "growth": {"in pixels": {"exponent": exponent}},
    }


def test_the_exponent_is_that_of_a_power():
    found = module("conftest").fitted({10: 3 * 10**1.5, 100: 3 * 100**1.5, 20: 3 * 20**1.5})
    assert found["exponent"] == pytest.approx(1.5)
    assert found["last_exponent"] == pytest.approx(1.5)
    assert list(found["seconds"]) == [10, 20, 100]


def test_ratios_are_of_one_processor():
    compare = module("compare")
    old = result({"a": 1.0, "b": 2.0})
    lines = compare.lines(result({"a": 1.5, "b": 2.0, "c": 1.0}, exponent=2.5), old)
    assert [line.split("s  ")[-1] for line in lines[:3]] == ["1.50 ×  slower", "1.00 ×", "new"]
    assert lines[3].endswith("exponent 2.50, was 2.00")
    lines = compare.lines(result({"a": 1.5}, brand="B"), old)
    assert lines[0] == "times are of B, the baseline of A: no ratios"
    assert len(lines) == 2


def test_without_a_baseline_it_says_how_to_have_one(tmp_path, capsys):
    module("compare").main("new.json", str(tmp_path / "none.json"))
    assert capsys.readouterr().out.startswith("no baseline at ")
