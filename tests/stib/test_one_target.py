"""One dimensionless target, as QED is: its error is named, scored and shown."""

import torch

from symmetry_pl.callbacks.summary import summary_table
from symmetry_pl.core import DataDescription
from symmetry_pl.stib.evaluation import Evaluation, InvarianceMetrics


def test_a_single_target_without_unit():
    data = DataDescription("vector", (2,), ("qed_rdkit",), ("",), (0.7,), (0.5,))
    metrics = InvarianceMetrics(data)
    generator = torch.Generator().manual_seed(0)
    x, y, z = (torch.randn(300, k, generator=generator) for k in (2, 1, 2))
    metrics.update(x, y, Evaluation(x, y + 0.4, z, None))
    values = metrics.compute(probe=False)
    torch.testing.assert_close(values["mae_qed_rdkit"], torch.tensor(0.2))
    torch.testing.assert_close(values["mae_qed_rdkit_constant"], 0.5 * y.abs().mean())
    shown = summary_table({f"test/{k}": float(v) for k, v in values.items()}, "test")
    assert "MAE of qed_rdkit" in shown


def test_a_target_named_y_leaves_the_standardised_error_alone():
    data = DataDescription("vector", (2,), ("y",), ("",), (10.0,), (5.0,))
    metrics = InvarianceMetrics(data)
    x, y = torch.zeros(60, 2), torch.linspace(-1, 1, 60)[:, None]
    metrics.update(x, y, Evaluation(x, y + 0.5, torch.randn(60, 2), None))
    values = metrics.compute(probe=False)
    torch.testing.assert_close(values["mae_y"], torch.tensor(0.5))
    torch.testing.assert_close(values["mae_y_target"], torch.tensor(2.5))
    shown = summary_table({f"test/{k}": float(v) for k, v in values.items()}, "test")
    assert "MAE of y                               2.5000" in shown


def test_what_a_search_finds_is_scored_beside_what_is_decoded():
    data = DataDescription(
        "tokens", (3,), ("qed",), ("",), (0.0,), (1.0,), ("", "[C]", "[O]"), "selfies"
    )
    metrics = InvarianceMetrics(data)
    generator = torch.Generator().manual_seed(0)
    y, z = (torch.randn(200, k, generator=generator) for k in (1, 2))
    x = torch.tensor([1, 1, 0]).expand(200, 3)
    wrong = torch.tensor([1, 2, 0]).expand(200, 3)
    metrics.update(x, y, Evaluation(wrong, y, z, None, x))
    values = metrics.compute(probe=False)
    assert (values["smiles_accuracy"], values["smiles_accuracy_search"]) == (0, 1)
    shown = summary_table({f"test/{k}": float(v) for k, v in values.items()}, "test")
    assert "molecules found by the search         100.0 %" in shown
    metrics.reset()
    metrics.update(x, y, Evaluation(x, y, z, None))
    assert "smiles_accuracy_search" not in metrics.compute(probe=False)
