import math

import numpy as np
import pytest
import torch
from scipy import fft, integrate, special, stats

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.datamodules.vectors.signals import SignalLaw, SignalsDataModule
from symmetry_pl.datamodules.vectors.waveforms import (
    TRANSFORMS,
    gaussian,
    hidden_basis,
    legendre,
    offsets,
)


def law(waveform="gaussian", dim=7, topology="chain", slots=5, p_exist=0.5):
    width = (0.2, 1.0) if waveform == "gaussian" else (6.0, 15.0)
    return SignalLaw(waveform, dim, topology, (0.5, 1.5), width, slots, p_exist)


def slowly(waveform, dim, topology, row):
    """One raw signal, number by number, from its uniform numbers."""
    shapes = 1 if waveform == "gaussian" else 2
    signal = [0.0] * dim
    for slot in range(5 * shapes):
        exists, where, height, breadth = row[4 * slot : 4 * slot + 4]
        if exists >= 0.5 / shapes:
            continue
        half = dim if topology == "chain" else (dim - 1) / 2
        centre = -half + 2 * half * where
        amplitude = 0.5 + height
        for k in range(dim):
            r = k - (dim - 1) / 2 - centre
            if topology == "ring":
                m = r % dim
                r = min(m, dim - m)
            if waveform == "gaussian":
                s = 0.2 + 0.8 * breadth
                b = math.exp(-(r**2) / (2 * s**2)) / (math.sqrt(2 * math.pi) * s)
            else:
                u = max(-1.0, min(1.0, r / ((6 + 9 * breadth) / 2)))
                z, degree = math.sin(math.pi * u / 2), 2 + slot % 2
                b = (-special.lpmv(1, degree, z)) / 2**degree
            signal[k] += amplitude * b
    return signal


@pytest.mark.parametrize(
    ("waveform", "dim", "topology"),
    [("gaussian", 7, "chain"), ("gaussian", 7, "ring"), ("gaussian", 8, "ring"),
     ("legendre", 33, "chain"), ("gaussian", 10, "chain")],
)  # fmt: skip
def test_signals_are_the_published_sums(waveform, dim, topology):
    made = law(waveform, dim, topology).raw(3, 1, range(50))
    uniform = counter_uniform(3, 1, range(50), 20 if waveform == "gaussian" else 40)
    expected = np.array([slowly(waveform, dim, topology, row) for row in uniform])
    assert np.abs(made - expected).max() < 1e-12
    assert np.abs(made).max() > 0.3


def test_odd_waveforms_keep_their_sign_across_the_seam_of_a_ring():
    positions = np.arange(20) - 9.5
    at_seam = legendre(offsets(positions, np.array([9.5]), "ring"), np.array(8.0), 2, 1)[0]
    in_middle = legendre(offsets(positions, np.array([0.5]), "ring"), np.array(8.0), 2, 1)[0]
    assert np.allclose(np.roll(in_middle, 9), at_seam)
    assert in_middle.min() < -0.3
    assert in_middle.max() > 0.3


def test_legendre_functions_are_associated_legendre_functions():
    r = np.linspace(-4, 4, 41)
    z = np.sin(np.pi * np.clip(r / 5, -0.5, 0.5))
    for degree, order in ((2, 1), (3, 1), (4, 2), (3, 3)):
        expected = (-1) ** order * special.lpmv(order, degree, z) / 2**degree
        assert np.allclose(legendre(r, np.array(5.0), degree, order), expected, atol=1e-12)


def test_the_standard_deviation_has_its_closed_form():
    """Gaussian, chain: integrals over centres are error functions, over widths scipy's."""
    one = law()
    t = one.positions

    def window(s, power):
        # of b^power: a Gaussian integral, up to a factor, of standard deviation s / √power
        inside = special.ndtr((t + 7) * math.sqrt(power) / s) - special.ndtr(
            (t - 7) * math.sqrt(power) / s
        )
        return inside / 14 * (1 if power == 1 else 1 / (2 * math.sqrt(math.pi) * s))

    b1 = integrate.quad_vec(lambda s: window(s, 1) / 0.8, 0.2, 1)[0]
    b2 = integrate.quad_vec(lambda s: window(s, 2) / 0.8, 0.2, 1)[0]
    mean = 2.5 * b1
    square = 2.5 * (1 + 1 / 12) * b2 + 5 * 4 * 0.25 * b1**2
    assert one.std() == pytest.approx(math.sqrt(square.mean() - mean.mean() ** 2), rel=1e-6)


@pytest.mark.parametrize(
    ("waveform", "dim", "topology"),
    [("gaussian", 7, "ring"), ("gaussian", 12, "chain"), ("legendre", 15, "chain"),
     ("legendre", 15, "ring")],
)  # fmt: skip
def test_the_standard_deviation_is_that_of_a_large_sample(waveform, dim, topology):
    one = law(waveform, dim, topology)
    raw = one.raw(0, 0, range(60_000))
    assert one.std() == pytest.approx(raw.std(), rel=0.015)


def test_half_of_the_slots_are_filled_and_every_pixel_is_as_bright():
    narrow = SignalLaw("gaussian", 9, "chain", (1.0, 1.0), (0.5, 0.5), 5, 0.5)
    raw = narrow.raw(0, 0, range(40_000))
    # Campbell: each waveform has integral 1, and 2.5 of them fall on 18 pixels
    assert np.allclose(raw.mean(0), 2.5 / 18, rtol=0.05)
    empty = (law().raw(1, 0, range(40_000)) == 0).all(1).mean()
    assert empty == pytest.approx(1 / 32, abs=0.004)


def test_a_signal_does_not_depend_on_its_neighbours():
    one = law("legendre", 33)
    whole = one.raw(5, 2, range(300))
    order = [299, 4, 4, 120]
    assert np.array_equal(one.raw(5, 2, order), whole[order])
    assert not np.allclose(one.raw(6, 2, order), whole[order])


def test_more_samples_extend_the_same_set_and_splits_differ():
    few = SignalsDataModule(dim=7, transform="frequency", samples=10)
    many = SignalsDataModule(dim=7, transform="frequency", samples=5000)
    assert torch.equal(few.training_inputs(), many.training_inputs(10))
    sets = [many.split(name).x[:400] for name in ("train", "val", "test")]
    assert len({tuple(row.tolist()) for x in sets for row in x}) == 1200


def test_splits_are_scaled_alike_and_not_centred():
    module = SignalsDataModule(dim=9, samples=50_000, noise=0.0, dtype="float64")
    for split in ("train", "val"):
        x = module.split(split).x.numpy()
        raw = module.law.raw(0, {"train": 0, "val": 1}[split], range(len(x)))
        assert np.allclose(x * module.law.std(), raw)
        assert x.mean() > 0.3


def test_noise_is_normal_and_leaves_the_signals_alone():
    still = SignalsDataModule(dim=7, samples=8192, noise=0.0, dtype="float64")
    noisy = SignalsDataModule(dim=7, samples=8192, noise=0.2, dtype="float64")
    noise = (noisy.training_inputs() - still.training_inputs()).numpy()
    assert stats.kstest(noise.ravel() / 0.2, "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(noise.T) - np.eye(7)).max() < 0.05
    # and it is made of other random numbers than the signals are
    used = set(np.round(counter_uniform(0, 0, range(8192), 20), 11).ravel())
    mine = np.round(special.ndtr(noise / 0.2), 11).ravel()
    assert np.mean([value in used for value in mine]) < 0.01


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("dim", [7, 8])
def test_transforms_are_orthogonal_and_undone_by_the_ideal_basis(transform, dim):
    options = {"dim": dim, "samples": 50, "dtype": "float64", "noise": 0.0}
    seen = SignalsDataModule(transform=transform, **options)
    basis = torch.tensor(seen.description.extra["ideal_basis"], dtype=torch.float64)
    assert torch.allclose(basis @ basis.T, torch.eye(dim, dtype=torch.float64), atol=1e-12)
    # row k is the direction of hidden position k: projecting on it gives hidden pixel k
    raw = SignalsDataModule(**options).training_inputs()
    assert torch.allclose(seen.training_inputs() @ basis.T, raw, atol=1e-12)
    assert torch.allclose(seen.training_inputs(), raw, atol=1e-3) == (transform == "natural")


def test_any_matrix_has_its_condition_and_is_told():
    options = {"dim": 7, "samples": 50, "dtype": "float64", "noise": 0.0}
    seen = SignalsDataModule(transform="linear", condition=10.0, **options)
    extra = seen.description.extra
    mixing = torch.tensor(extra["mixing"], dtype=torch.float64)
    assert extra["axes"] == [[7, "chain"]]
    assert "ideal_basis" not in extra  # it is none
    assert float(torch.linalg.cond(mixing)) == pytest.approx(10.0)
    raw = SignalsDataModule(**options).training_inputs()
    assert torch.allclose(torch.linalg.solve(mixing.T, seen.training_inputs().T).T, raw, atol=1e-9)
    with pytest.raises(ValueError, match=r"data.condition must be at least 1"):
        SignalsDataModule(transform="linear", condition=0.5)


def test_the_frequency_basis_is_the_sine_transform():
    expected = fft.dst(np.eye(9), type=1, norm="ortho")
    assert np.allclose(hidden_basis("frequency", 9), expected)


def test_random_bases_are_of_the_uniform_law():
    bases = np.array([hidden_basis("random_orthogonal", 3, seed) for seed in range(3000)])
    # of a uniformly drawn direction of three dimensions every coordinate is uniform on (−1, 1)
    for row, column in ((0, 0), (1, 2), (2, 1)):
        p = stats.kstest(bases[:, row, column], "uniform", args=(-1, 2)).pvalue
        assert p > 1e-3
    assert 0.45 < (np.linalg.det(bases) > 0).mean() < 0.55


def test_permutations_are_uniform():
    orders = [tuple(hidden_basis("permuted", 3, seed).argmax(1)) for seed in range(1200)]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6
    assert stats.chisquare(counts).pvalue > 1e-3


def test_batches_of_permuted_data_differ_and_share_one_order():
    """In the published code all batches but the first were one and the same."""
    np.random.seed(0)  # noqa: NPY002 (the published code reseeds this one)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    module = SignalsDataModule(dim=7, transform="permuted", samples=400, batch_size=100)
    batches = [x for x, _, _ in module.train_dataloader()]
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    assert len({tuple(row.tolist()) for x in batches for row in x}) == 400
    plain = SignalsDataModule(dim=7, samples=400).training_inputs()
    order = torch.tensor(module.basis).argmax(1)
    assert torch.allclose(module.training_inputs()[:, order], plain, atol=1e-6)


def test_batches_are_inputs_no_targets_and_rows():
    module = SignalsDataModule(dim=7, samples=64, batch_size=16, eval_samples=30)
    epochs = [list(module.train_dataloader())]
    loader = module.train_dataloader()
    loader.sampler.set_epoch(1)
    epochs.append(list(loader))
    for epoch in epochs:
        x, y, rows = (torch.cat(part) for part in zip(*epoch, strict=True))
        assert x.shape == (64, 7)
        assert y.shape == (64, 0)
        assert rows.sort()[0].tolist() == list(range(64))
        assert torch.equal(x, module.training_inputs()[rows])
    assert not torch.equal(epochs[0][0][2], epochs[1][0][2])
    assert [len(x) for x, _, _ in module.val_dataloader()] == [30]
    assert next(iter(module.predict_dataloader()))[2].tolist() == list(range(30))


def test_two_processes_share_the_batches_of_one(monkeypatch):
    whole = SignalsDataModule(dim=7, samples=64, batch_size=16)
    rows = [r.tolist() for _, _, r in whole.train_dataloader()]
    monkeypatch.setattr(SignalsDataModule, "world_size", 2)
    dealt = []
    for rank in (0, 1):
        monkeypatch.setattr(SignalsDataModule, "rank", rank)
        half = SignalsDataModule(dim=7, samples=64, batch_size=8)
        dealt.append([r.tolist() for _, _, r in half.train_dataloader()])
    for one, a, b in zip(rows, *dealt, strict=True):
        assert sorted(one) == sorted(a + b)


def test_the_description_survives_a_checkpoint():
    for topology, name in (("chain", "unit shift"), ("ring", "cyclic unit shift")):
        module = SignalsDataModule(dim=7, topology=topology, transform="permuted")
        description = module.description
        assert description.extra["ideal_name"] == f"{name} of 7 pixels, permuted"
        assert description.extra["topology"] == topology
        assert type(description).from_dict(description.to_dict()) == description


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 2}, r"data\.dim must be at least 3, got 2"),
        ({"samples": 0}, r"data\.samples must be at least 1"),
        ({"eval_samples": 0}, r"data\.eval_samples must be at least 1"),
        ({"slots": 0}, r"data\.slots must be at least 1"),
        ({"noise": -0.1}, r"data\.noise must be at least 0"),
        ({"noise": math.nan}, r"data\.noise must be at least 0, got nan"),
        ({"p_exist": 0.0}, r"data\.p_exist must be above 0"),
        ({"p_exist": 1.5}, r"data\.p_exist must be .* at most 1"),
        ({"width": [0.0, 1.0]}, r"data\.width must be two numbers, .* at least 0\.01"),
        ({"amplitude": [1.5, 0.5]}, r"data\.amplitude must be two numbers, lowest and highest"),
        ({"width": [1.0]}, r"data\.width must be two numbers"),
        ({"waveform": "square"}, r"data\.waveform must be gaussian or legendre, got 'square'"),
        ({"topology": "torus"}, r"data\.topology must be chain or ring"),
        ({"transform": "dct"}, r"data\.transform must be natural, permuted, frequency, random_"),
        ({"dtype": "float16"}, r"data\.dtype must be float32 or float64"),
        ({"batch_size": 0}, r"data\.batch_size must be at least 1"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message) as refusal:
        SignalsDataModule(**options)
    assert "\n" not in str(refusal.value)


def test_gaussians_are_densities():
    r = np.linspace(-6, 6, 2001)
    for width in (0.3, 1.0):
        assert np.allclose(gaussian(r, np.array(width)), stats.norm.pdf(r, scale=width))
