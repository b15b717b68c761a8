"""Critics of shifts: what they are bounded by, and what they see."""

import pytest
import torch

from symmetry_pl.lens.critics import Critic, ShiftCritics


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def trained(critics, draw, steps=60):
    """Critics after some steps on fresh batches, and what they then say of new samples."""
    adam = torch.optim.Adam(critics.parameters(), lr=2e-2)
    for step in range(steps):
        adam.zero_grad()
        (-critics(draw(step)).bounds).backward()
        adam.step()
    with torch.no_grad():
        judgement = critics(draw(steps, rows=4000))
    return critics.uniformity(judgement).item()


@pytest.mark.parametrize("shape", [(7,), (15,), (4, 5), (15, 15)])
@pytest.mark.parametrize("kind", ["published", "small"])
def test_every_grid_has_bounded_answers_and_gradients(kind, shape):
    torch.manual_seed(0)
    critics = ShiftCritics(shape, kind)
    y = normal(10, torch.Size(shape).numel()).requires_grad_(True)
    judgement = critics(y)
    assert judgement.js.shape == (len(shape), 8)
    assert (judgement.js >= 0).all()
    (critics.uniformity(judgement) + judgement.bounds).backward()
    assert y.grad.any()
    for name, parameter in critics.named_parameters():
        assert parameter.grad is not None, name
        # the offset of the last layer moves both sides of a bound alike
        last = f"layers.{len(critics.critics[0].layers) - 1}.bias"
        assert parameter.grad.abs().sum() > 0 or name.endswith(last), name


def test_kernels_have_capped_norms_and_answers_are_within_25():
    torch.manual_seed(0)
    critic = Critic((6, 6), "small")
    with torch.no_grad():
        for layer in critic.layers:
            layer.parametrizations.weight.original.mul_(1000)
    for layer in critic.layers:
        norm = torch.linalg.svdvals(layer.weight.flatten(1))[0]
        torch.testing.assert_close(norm, torch.tensor(5.0))
    assert critic(100 * normal(5, 6, 6)).abs().max() <= 25
    gentle = Critic((6, 6), "small").layers[0]
    torch.testing.assert_close(gentle.weight, gentle.parametrizations.weight.original)


def test_the_weights_are_those_of_the_paper():
    assert ShiftCritics((15, 15), "published").weights.tolist() == pytest.approx([225 / 210] * 2)
    assert ShiftCritics((63,), "published").weights.tolist() == pytest.approx([63**2 / 62])


def test_stationary_signals_pass_and_others_are_found_out():
    """White noise has equal slices; where deviations rise along the line, later ones differ."""
    torch.manual_seed(0)
    rising = torch.linspace(0.3, 1.5, 6)

    def white(seed, rows=500):
        return normal(rows, 6, seed=seed)

    def uneven(seed, rows=500):
        return white(seed, rows) * rising

    fair = trained(ShiftCritics((6,), "small"), white)
    unfair = trained(ShiftCritics((6,), "small"), uneven)
    assert fair < 0.05
    assert unfair > 4 * max(fair, 0.01)
    # n² / (n − 1) times a Jensen-Shannon divergence
    assert unfair <= 36 / 5 * torch.log(torch.tensor(2.0)) * 1.1
