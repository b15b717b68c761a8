import numpy as np
import pytest
import torch
from scipy import stats

from symmetry_pl.datamodules.samplers import StreamSampler
from symmetry_pl.datamodules.vectors.spiral import (
    SpiralDataModule,
    SpiralDataset,
    counter_uniform,
    spiral,
)


def test_counter_numbers_are_uniform_and_independent():
    u = counter_uniform(3, 1, np.arange(20_000), 5)
    assert u.min() > 0
    assert u.max() < 1
    for column in range(5):
        assert stats.kstest(u[:, column], "uniform").pvalue > 1e-3
        lagged = np.corrcoef(u[:-1, column], u[1:, column])[0, 1]
        assert abs(lagged) < 0.03
    correlations = np.corrcoef(u.T) - np.eye(5)
    assert np.abs(correlations).max() < 0.03


def test_streams_and_seeds_differ():
    seen = {counter_uniform(s, t, [0], 1).item() for s in range(30) for t in range(3)}
    assert len(seen) == 90


def test_data_have_the_papers_moments():
    x, y = spiral(counter_uniform(0, 0, np.arange(200_000), 5))
    assert np.abs(x).max() <= 4
    t = 2 * x[:, 0] + x[:, 1]
    assert np.var(x[:, 0]) == pytest.approx(64 / 12, rel=0.01)
    # E‖y‖² = 0.55² (Var t + 0.1²) + 2 · 0.2², with Var t = 5 · 64/12
    expected = 0.55**2 * (5 * 64 / 12 + 0.01) + 0.08
    assert (y**2).sum(1).mean() == pytest.approx(expected, rel=0.01)
    residual = y - 0.55 * t[:, None] * np.stack([np.cos(t), np.sin(t)], 1)
    assert np.abs(residual).sum(1).mean() < 0.7


def test_a_sample_does_not_depend_on_its_batch():
    data = SpiralDataset("train", 100, seed=4)
    x, y = data.__getitems__([7, 3, 99])
    for i, index in enumerate([7, 3, 99]):
        assert torch.equal(data[index][0], x[i])
        assert torch.equal(data[index][1], y[i])


def test_epochs_are_fresh_and_ranks_deal_one_order():
    whole = StreamSampler(12)
    whole.set_epoch(2)
    assert list(whole) == list(range(24, 36))
    ranks = [StreamSampler(12, 2, r) for r in range(2)]
    for sampler in ranks:
        sampler.set_epoch(2)
    dealt = [i for pair in zip(*ranks, strict=True) for i in pair]
    assert dealt == list(whole)


def test_workers_do_not_change_the_data():
    batches = []
    for workers in (0, 2):
        module = SpiralDataModule(batch_size=8, samples_per_epoch=40, num_workers=workers)
        batches.append([x for x, _ in module.train_dataloader()])
    assert len(batches[0]) == 5
    for a, b in zip(*batches, strict=True):
        assert torch.equal(a, b)


def test_splits_share_no_sample():
    sets = [SpiralDataset(s, 500).__getitems__(range(500))[0] for s in ("train", "val", "test")]
    rows = {tuple(r.tolist()) for x in sets for r in x}
    assert len(rows) == 1500


def test_colours_are_the_position_that_y_winds_around():
    x, y = SpiralDataset("val", 2000).__getitems__(range(2000))
    (t,) = SpiralDataModule().colours(x, y).values()
    mean = 0.55 * t[:, None] * torch.stack([t.cos(), t.sin()], 1)
    assert (y - mean).abs().sum(1).mean() < 0.7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples_per_epoch": 0}, "empty split"),
        ({"eval_samples": 0}, "empty split"),
        ({"batch_size": 0}, "data.batch_size must be at least 1"),
        ({"dtype": "float16"}, "float32 or float64"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        SpiralDataModule(**options)


def test_a_batch_larger_than_an_epoch_is_refused():
    with pytest.raises(ValueError, match=r"choose a smaller data\.batch_size"):
        SpiralDataModule(batch_size=100, samples_per_epoch=50).train_dataloader()
