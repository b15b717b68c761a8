"""PrototypeSpread and the size of iterates, against closed forms and all pairs."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist
from processes import in_processes

from symmetry_pl.metrics.prototypes import PrototypeSpread, magnitude, relative_magnitude


def batch(count=6, copies=4, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(1, count, 2, 5, 3, generator=generator, dtype=dtype)
    noise = torch.randn(2, copies, count, 2, 5, 3, generator=generator, dtype=dtype)
    return images + 0.3 * noise[0], images + noise[1]


def figures(*batches):
    metric = PrototypeSpread()
    for prototypes, copies in batches:
        metric.update(prototypes, copies)
    return {name: value.item() for name, value in metric.compute().items()}


def brute_force(prototypes, copies):
    """The definitions, pair by pair."""
    spreads, distances = [], []
    for p in (prototypes.flatten(2), copies.flatten(2)):
        spreads.append((p - p.mean(0)).square().sum(2).mean(0))
        k, b = p.shape[:2]
        flat = p.transpose(0, 1).flatten(0, 1)
        image = torch.arange(b).repeat_interleave(k)
        squares = torch.cdist(flat, flat).square()
        distances.append(squares[image[:, None] != image].mean())
    distance = (distances[0] / distances[1]).item()
    spread = (spreads[0].sum() / spreads[1].sum()).item()
    return {
        "prototype_spread": spread,
        "prototype_spread_median": (spreads[0] / spreads[1]).quantile(0.5).item(),
        "prototype_distance": distance,
        "prototype_spread_relative": spread / distance,
    }


def test_figures_are_those_of_the_definitions():
    assert figures(batch()) == pytest.approx(brute_force(*batch()), rel=1e-6)


def test_batches_of_unlike_sizes_add_up():
    prototypes, copies = batch(9)
    parts = [(prototypes[:, a:b], copies[:, a:b]) for a, b in ((0, 1), (1, 6), (6, 9))]
    assert figures(*parts) == pytest.approx(brute_force(prototypes, copies), rel=1e-6)


def test_forward_of_torchmetrics_keeps_the_sums():
    prototypes, copies = batch(9)
    metric = PrototypeSpread()
    for a, b in ((0, 3), (3, 6), (6, 9)):
        metric(prototypes[:, a:b], copies[:, a:b])
    found = {name: value.item() for name, value in metric.compute().items()}
    assert found == pytest.approx(brute_force(prototypes, copies), rel=1e-6)


def test_perfect_prototypes_spread_nothing_and_keep_their_distance():
    _, copies = batch()
    found = figures((copies[:1].expand_as(copies), copies))
    assert found["prototype_spread"] == pytest.approx(0, abs=1e-12)
    assert found["prototype_spread_relative"] == pytest.approx(0, abs=1e-12)
    assert found["prototype_distance"] > 0.5


@pytest.mark.parametrize("factor", [1.0, 0.1, 2.0])
def test_prototypes_that_shrink_gain_nothing(factor):
    _, copies = batch()
    found = figures((factor * copies - 0.7, copies))
    assert found["prototype_spread"] == pytest.approx(factor**2, rel=1e-6)
    assert found["prototype_distance"] == pytest.approx(factor**2, rel=1e-5)
    assert found["prototype_spread_relative"] == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("value", [-1.0, 0.3])
def test_one_prototype_for_all_images_is_infinitely_bad(value):
    _, copies = batch(dtype=torch.float32)
    found = figures(*[(torch.full_like(copies, value), copies)] * 5)
    assert found["prototype_distance"] == 0
    assert found["prototype_spread_relative"] == math.inf


def test_one_flipped_image_moves_the_mean_but_not_the_median():
    prototypes, copies = batch(5)
    prototypes = prototypes.mean(0, keepdim=True).expand_as(copies).clone()
    prototypes[0, 0] *= -10
    found = figures((prototypes, copies))
    assert found["prototype_spread"] > 0.5
    assert found["prototype_spread_median"] == pytest.approx(0, abs=1e-12)


def test_images_without_any_spread_and_single_images():
    prototypes, copies = batch(3)
    copies[:, 0] = copies[:1, 0]
    assert all(map(math.isfinite, figures((prototypes, copies)).values()))
    alone = figures((prototypes[:, 1:2], copies[:, 1:2]))
    assert math.isfinite(alone["prototype_spread"])
    assert math.isnan(alone["prototype_distance"])
    nothing = PrototypeSpread()
    with pytest.warns(UserWarning, match="before"):
        assert all(value.isnan() for value in nothing.compute().values())


def test_half_precision_is_summed_in_single():
    prototypes, copies = (images.bfloat16() for images in batch(50))
    expected = brute_force(prototypes.double(), copies.double())
    assert figures((prototypes, copies)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("shape", [(1, 3, 1, 4, 4), (4, 3, 4)])
def test_odd_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="K of at least 2"):
        PrototypeSpread().update(torch.zeros(shape), torch.zeros(shape))
    with pytest.raises(ValueError, match="one shape"):
        PrototypeSpread().update(torch.zeros(2, 3, 1, 4, 4), torch.zeros(3, 3, 1, 4, 4))


def worker(rank, folder, prototypes, copies):
    store = f"{folder}/store"
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    found = []
    for shares in ([(0, 2), (2, 5)], [(5, 7)]), ([(0, 3), (3, 7)], []):
        metric = PrototypeSpread()
        for a, b in shares[rank]:
            metric.update(prototypes[:, a:b], copies[:, a:b])
        found.append({name: value.item() for name, value in metric.compute().items()})
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.ddp
def test_two_processes_equal_one_even_if_one_has_seen_nothing(tmp_path):
    data = batch(7, dtype=torch.float32)
    in_processes(worker, str(tmp_path), *data)
    expected = figures(data)
    for rank in range(2):
        for found in torch.load(tmp_path / f"{rank}.pt"):
            assert found == pytest.approx(expected, rel=1e-5)


GROUP = SimpleNamespace(
    bounds=(0.5, math.pi, 0.0), periods=(None, 2 * math.pi, None), coordinates=lambda e: e
)


def test_magnitude_is_in_bounds_and_wraps_periods():
    eta = torch.tensor([[0.25, math.pi / 2, 5.0], [-0.75, 7 * math.pi / 2, -1.0]])
    before = eta.clone()
    found = magnitude(GROUP, eta)
    torch.testing.assert_close(found, torch.tensor([1.0, 0.5, 0.0]))
    assert torch.equal(eta, before)


def test_iterates_are_relative_to_the_first():
    first = torch.tensor([[0.25, math.pi / 2, 5.0], [-0.75, 2 * math.pi + math.pi / 2, -1.0]])
    ratios = relative_magnitude(GROUP, [first, 0.1 * first[:1], 0 * first])
    torch.testing.assert_close(ratios, torch.tensor([1.0, (0.05 + 0.05) / 1.5, 0.0]))


def test_a_first_iterate_that_finds_nothing_is_no_success():
    zeros = torch.zeros(2, 3)
    assert relative_magnitude(GROUP, [zeros, zeros]).tolist() == [1, 1]
