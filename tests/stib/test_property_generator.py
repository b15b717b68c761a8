"""Molecules with what was asked for: laws of draws, guidance, what is refused."""

import itertools

import pytest
import torch

from symmetry_pl import PropertyGenerator
from symmetry_pl.core import DataDescription
from symmetry_pl.nn.tokens.steered import SteeredTokenModel, budget_features
from symmetry_pl.stib.guided_draws import Steering, guided_draws, guided_log_p, patient_log_p


def data(**options):
    defaults = {
        "kind": "tokens",
        "x_shape": (3,),
        "target_names": ("logp_rdkit", "weight_rdkit"),
        "target_units": ("", "Da"),
        "target_mean": (0.0, 40.0),
        "target_scale": (1.0, 10.0),
        "symbols": ("", "C", "O"),
        "representation": "smiles",
    }
    return DataDescription(**(defaults | options))


def generator(**options):
    torch.manual_seed(0)
    model = PropertyGenerator(width=8, not_additive=[], **options)
    model.describe_data(data())
    for p in model.model.parameters():
        p.data.add_(0.3 * torch.randn_like(p))
    return model.eval()


STRINGS = [s for n in (1, 2, 3) for s in itertools.product((1, 2), repeat=n)]
X = torch.tensor([[*s, *[0] * (3 - len(s))] for s in STRINGS])


@torch.no_grad()
def law(model, aim, asked, steering):
    """Probabilities of all strings of at most three symbols, symbol by symbol."""
    aims, reading = aim.expand(len(X), -1), model.reading(X)
    given = asked.expand(len(X), -1)
    c, u = (model.model(*model.inputs(reading, aims, m))[0].double() for m in (given, 0 * given))
    log_p = guided_log_p(c, u, steering.strength, steering.temperature)
    there = torch.arange(4) <= (X > 0).sum(1, keepdim=True)
    target = torch.nn.functional.pad(X, (0, 1))
    found = (log_p.gather(2, target[..., None])[..., 0] * there).sum(1).exp()
    return found / found.sum()  # what is longer is drawn again


@pytest.mark.parametrize("estimates", ["additive", "none"])
@pytest.mark.parametrize("steering", [Steering(), Steering(1.5, 1.5)], ids=["law", "guided"])
def test_draws_follow_the_law_of_the_model(estimates, steering):
    model = generator(estimates=estimates)
    aim, asked = torch.tensor([[0.5, -1.0]]), torch.tensor([[1.0, 0.0]])
    n = 3000
    drawn = guided_draws(model, aim.expand(n, -1), asked.expand(n, -1), steering, rounds=400)
    assert bool(drawn.whole.all())
    assert drawn.drafts > n
    expected = n * law(model, aim, asked, steering)
    counts = (drawn.ids[:, None] == X[None]).all(2).double().sum(0)
    assert counts.sum() == n
    chi2 = float(((counts - expected).square() / expected).sum())
    assert chi2 < 40  # 13 degrees of freedom: one in ten thousand


def test_the_law_of_strings_is_that_of_their_likelihood():
    model = generator()
    aim, asked = torch.tensor([[0.5, -1.0]]), torch.tensor([[1.0, 0.0]])
    nll = model.nll(X, aim.expand(len(X), -1), asked.expand(len(X), -1)).detach().double()
    torch.testing.assert_close(law(model, aim, asked, Steering()), (-nll).softmax(0))


def test_guidance_of_one_is_the_law_given_the_aim():
    c, u = torch.randn(4, 7).log_softmax(1), torch.randn(4, 7).log_softmax(1)
    torch.testing.assert_close(guided_log_p(c, u, 1.0, 1.0), c)
    torch.testing.assert_close(guided_log_p(c, u, 0.0, 1.0), u)


def test_patience_puts_the_end_off_and_nothing_else():
    log_p = torch.randn(3, 5).log_softmax(1)
    off = torch.tensor([0.0, 0.1, 2.0])
    found = patient_log_p(log_p, off, 30.0)
    torch.testing.assert_close(found.exp().sum(1), torch.ones(3))
    torch.testing.assert_close(found[0], log_p[0])  # the aim is reached
    torch.testing.assert_close(found[:, 1:].diff(), log_p[:, 1:].diff())
    odds = (found - log_p)[:, 0] - (found - log_p)[:, 1]
    torch.testing.assert_close(odds, -30 * off)


def test_patient_draws_end_nearer_to_their_aim():
    model = generator()
    table = model.running
    table.symbol[:] = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.1, 0.0]])  # C counts 1, O counts .1
    table._table = None
    aim, asked = torch.tensor([[2.0, 0.0]]).expand(400, -1), torch.tensor([[1.0, 0.0]])
    off = [
        (found.estimates[:, 0] - 2).abs().mean()
        for patience in (0.0, 5.0)
        for found in [guided_draws(model, aim, asked.expand(400, -1), Steering(1, 1, patience))]
    ]
    assert off[1] < off[0] - 0.2


def test_budgets_are_nothing_where_nothing_is_asked():
    so_far = torch.randn(3, 5, 2)
    told = budget_features(torch.randn(3, 2), torch.zeros(3, 2), so_far, [[0.3], []])
    assert told.shape == (3, 5, 2 + 2 + 12 + 2)
    assert not told.any()


def test_what_is_not_asked_for_does_not_matter():
    model = generator()
    x, asked = torch.tensor([[1, 2, 1]]), torch.tensor([[1.0, 0.0]])
    one = model.nll(x, torch.tensor([[0.2, 9.0]]), asked)
    torch.testing.assert_close(one, model.nll(x, torch.tensor([[0.2, -9.0]]), asked))
    assert one != model.nll(x, torch.tensor([[0.7, 9.0]]), asked)


def test_a_code_is_a_further_condition():
    model = SteeredTokenModel(symbols=4, features=2, width=8, code_dim=3)
    last, features = torch.zeros(2, 5, dtype=torch.int64), torch.randn(2, 5, 2)
    one, _ = model(last, last, features, code=torch.zeros(2, 3))
    torch.testing.assert_close(one, model(last, last, features)[0])
    assert not torch.allclose(one, model(last, last, features, code=torch.ones(2, 3))[0])
    with pytest.raises(ValueError, match="the code has 2 dimensions, not 3"):
        model(last, last, features, code=torch.zeros(2, 2))


@pytest.mark.parametrize(
    ("options", "text"),
    [({"asked": ["gap"]}, "'gap' is no target"), ({"width": 0}, "model.width must be at least 1"),
     ({"dropout": 0.7}, "model.dropout must be between 0 and 0.5"),
     ({"protocol": {"best_off": 0}}, "model.protocol has no option 'best_off'; there are targets"),
     ({"protocol": {"draws": 0}}, "model.protocol.draws must be a whole number of at least 1"),
     ({"protocol": {"temperature": 0}}, "model.protocol.temperature must be more than 0, got 0"),
     ({"estimates": "all"}, "estimates must be additive or none, got 'all'")],
)  # fmt: skip
def test_what_makes_no_model_is_refused(options, text):
    with pytest.raises(ValueError, match=text):
        PropertyGenerator(**options).describe_data(data(target_names=("qed_rdkit", "weight_rdkit")))


def test_other_spellings_are_refused():
    with pytest.raises(ValueError, match="writes SMILES"):
        PropertyGenerator(not_additive=[]).describe_data(data(representation="selfies"))
