"""Of several draws the nearest by the model's own sums is kept, as it will be scored."""

from types import SimpleNamespace

import pytest
import torch

from symmetry_pl.core import DataDescription
from symmetry_pl.stib import targeting_evaluation
from symmetry_pl.stib.guided_draws import Draws
from symmetry_pl.stib.targeting_evaluation import TargetingEvaluator
from symmetry_pl.stib.targeting_protocol import TargetingProtocol

# standardised sums of log P (deviation 1.4) and QED (.14) of three draws for each of two aims of 0
SUMS = torch.tensor(
    [[[0.30, 0.0], [2.0, 2.0]], [[0.0, 0.9], [0.5, 0.0]], [[0.0, 0.0], [0.0, 0.0]]],
    dtype=torch.float32,
)
WHOLE = torch.tensor([[True, False], [True, True], [False, True]])


@pytest.fixture
def evaluator(monkeypatch):
    made = iter(range(3))

    def draws(model, aim, asked, steering, seed):
        k = next(made)
        ids = torch.full((2, 4), k)
        return Draws(ids, WHOLE[k], torch.cat([SUMS[k], torch.zeros(2, 1)], 1), drafts=2)

    monkeypatch.setattr(targeting_evaluation, "guided_draws", draws)
    data = DataDescription(
        x_shape=(4,),
        kind="tokens",
        target_names=("logp", "qed", "tpsa"),
        target_mean=(0.0, 0.0, 0.0),
        target_scale=(1.4, 0.14, 10.0),
    )
    tasks = torch.ones(1, 2)
    return TargetingEvaluator(data, [0, 1], tasks, TargetingProtocol(best_of=3))


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ([1.0, 0.0], [1, 2]),  # log P alone: the second, as the third is no molecule
        ([0.0, 1.0], [0, 1]),  # of equals the first that is a molecule
        # log P is off by .42, QED by .126: in deviations it would be .3 and .9
        ([1.0, 1.0], [1, 2]),
    ],
)
def test_errors_are_added_in_their_own_units(evaluator, asked, chosen):
    aim = torch.zeros(2, 2)
    best = evaluator._best(SimpleNamespace(), aim, torch.tensor(asked).expand(2, 2), 0)
    assert best.ids[:, 0].tolist() == chosen
    assert best.whole.tolist() == [True, True]
    assert best.drafts == 6
