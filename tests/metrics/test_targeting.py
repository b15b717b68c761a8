"""What molecules that were asked for are worth, of strings whose properties are known."""

import math

import pytest
import torch

from symmetry_pl.metrics import spec
from symmetry_pl.metrics.targeting import Judgement, judge, retrieved
from symmetry_pl.molecules.descriptors import descriptors

LOGP = [descriptors(s)[0] for s in ("CCO", "CCC", "CCN")]
POOL = torch.tensor([[0.0], [1.0], [2.0]])


def judged(smiles, wanted, known=frozenset()):
    told = Judgement(smiles, torch.tensor(wanted)[:, None], ["logp_rdkit"], POOL)
    return judge(told, set(known))


def test_errors_are_those_of_the_valid_by_rdkit():
    wanted = [LOGP[0] + 0.1, LOGP[1] - 0.3, 5.0, 5.0, 5.0]
    found = judged(["OCC", "CCC", "C1CC", "C.C", ""], wanted)
    assert found["valid"] == pytest.approx(0.4)  # no ring, two fragments, nothing
    assert found["mae"] == pytest.approx(0.2, abs=1e-6)
    unrelated = [sum(abs(w - p) for p in (0, 1, 2)) / 3 for w in wanted]
    assert found["random"] == pytest.approx(sum(unrelated) / 5, abs=1e-6)
    assert found["mae_all"] == pytest.approx((0.4 + 3 * 4.0) / 5, abs=1e-6)


def test_what_counts_as_different_and_new():
    found = judged(["OCC", "CCO", "CCC", "CCN"], [0.0, 0.1, 0.2, 0.3], {"CCO"})
    assert found["unique"] == pytest.approx(3 / 4)
    assert found["novel"] == pytest.approx(2 / 3)


def test_without_a_molecule_there_is_no_error():
    found = judged(["C1CC"], [1.0])
    assert math.isnan(found["mae"])
    assert found["valid"] == 0
    assert found["mae_all"] == found["random"]


def test_the_nearest_are_nearest_in_standard_deviations():
    pool = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 100.0], [1.0, 100.0]])
    found = retrieved(torch.tensor([[0.1, 60.0]]), pool, 1)
    assert found["mae"] == pytest.approx((0.1 + 40) / 2, abs=1e-5)  # [0, 100], not [0, 0]
    assert found == found | {"valid": 1.0, "unique": 1.0, "novel": 0.0}
    assert retrieved(torch.tensor([[0.1, 60.0]]), pool, 9)["unique"] == 1.0  # all there are


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("asked_logp_plain_mae", "logp, ends as they come: error"),
        ("asked_weight_retrieval_mae", "weight, training molecules: error [Da]"),
        ("asked_logp_qed_best4_drafts", "logp, qed, best of 4: strings begun for a molecule"),
        ("asked_qed_unconditional_novel", "qed, nothing asked: new molecules"),
    ],
)
def test_every_way_of_answering_has_its_name(name, title):
    assert spec(name).title == title
    assert spec(name).group == "targeting"
