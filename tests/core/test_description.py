from dataclasses import replace

import pytest

from symmetry_pl.core import DataDescription

QM9 = DataDescription(
    "tokens", (18,), ("gap", "polarisability"), ("eV", "bohr³"), (6.7, 75.9), (1.2, 2.3),
    ("", "C", "O"), "deepsmiles",
)  # fmt: skip


def test_it_survives_plain_values():
    plain = QM9.to_dict()
    assert all(isinstance(v, (str, list, dict)) for v in plain.values())
    assert DataDescription.from_dict(plain) == QM9
    assert DataDescription.from_dict({**plain, "of a later version": 1}) == QM9


def test_metric_names_have_ascii_units():
    assert QM9.metric_names() == ["mae_gap_ev", "mae_polarisability_bohr3"]


def test_an_error_never_takes_a_name_that_means_something_else():
    data = DataDescription("vector", (2,), ("y", "x", "floor", "gap"), ("", "", "", "eV"))
    assert data.metric_names() == ["mae_y_target", "mae_x_target", "mae_floor_target", "mae_gap_ev"]
    message = "the errors of the targets gap_ev and gap would have one name, mae_gap_ev"
    with pytest.raises(ValueError, match=message):
        DataDescription("vector", (2,), ("gap_ev", "gap"), ("", "eV"))


def test_sameness_allows_rounding_and_nothing_else():
    assert QM9.same_as(replace(QM9, target_mean=(6.7 * (1 + 1e-8), 75.9)))
    for other in (
        {"target_mean": (6.8, 75.9)},
        {"target_scale": (1.2, 2.4)},
        {"symbols": ("", "C", "N")},
        {"x_shape": (17,)},
        {"target_names": ("gap", "alpha")},
    ):
        assert not QM9.same_as(replace(QM9, **other)), other
    assert not QM9.same_as(replace(QM9, target_mean=()))


def test_bad_descriptions_are_one_sentence():
    with pytest.raises(ValueError, match="kind must be 'vector', 'tokens', 'image' or 'cloud'"):
        replace(QM9, kind="graph")
    with pytest.raises(ValueError, match=r"shape \(C, H, W\), got \(28, 28\)"):
        DataDescription("image", (28, 28))
    with pytest.raises(ValueError, match="target_units has 1 entries for 2 targets"):
        replace(QM9, target_units=("eV",))
