"""One-parameter subgroups: group laws, exactness, gradients on degenerate spectra, the lift."""

import math

import pytest
import torch

from symmetry_pl.groups import OneParameterSubgroup, crop, cycle_logarithm, lift_matrix, pad

EXACT = {"rtol": 0, "atol": 1e-12}


def draw(*shape, seed=0, scale=1.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def by_series(a, t):
    """exp(tS) by torch's scaling and squaring: the slow way, with its own gradient."""
    return torch.matrix_exp(t[:, None, None] * (a - a.T) / 2)


def degenerate():
    """Spectra on which the plain derivative of an eigendecomposition divides by zero."""
    plane = torch.tensor([[0.0, 0.9], [-0.9, 0.0]], dtype=torch.float64)
    turn = torch.linalg.qr(draw(6, 6, seed=3))[0]
    return {
        "zero": torch.zeros(5, 5, dtype=torch.float64),
        "nearly zero": draw(5, 5, scale=1e-3),
        "symmetric": torch.ones(4, 4, dtype=torch.float64),
        "equal planes": turn.T @ torch.block_diag(plane, plane, plane) @ turn,
        "nearly equal planes": turn.T
        @ torch.block_diag(plane, plane + 1e-9, 1.00003 * plane)
        @ turn,
        "cycle": cycle_logarithm(5, torch.float64),
        "generic": draw(5, 5),
    }


@pytest.mark.parametrize("size", [1, 2, 5, 12, 33])
def test_powers_are_rotations_that_add_their_exponents(size):
    subgroup = OneParameterSubgroup(draw(size, size))
    eye = torch.eye(size, dtype=torch.float64)
    for a, b in [(1.0, 1.0), (0.37, -2.6), (-4.0, 3.5)]:
        power = subgroup.power(a)
        torch.testing.assert_close(power @ power.T, eye, **EXACT)
        assert torch.linalg.det(power).item() == pytest.approx(1, abs=1e-11)
        torch.testing.assert_close(power @ subgroup.power(b), subgroup.power(a + b), **EXACT)
        torch.testing.assert_close(power @ subgroup.power(-a), eye, **EXACT)
    torch.testing.assert_close(subgroup.power(0.0), eye, **EXACT)
    half = subgroup.power(0.5)
    torch.testing.assert_close(half @ half, subgroup.generator(), **EXACT)


@pytest.mark.parametrize("name", degenerate())
def test_powers_and_their_gradients_are_those_of_the_matrix_exponential(name):
    a = degenerate()[name].requires_grad_(True)
    t = torch.tensor([-2.0, -0.3, 0.0, 1.0, 7.5], dtype=torch.float64)
    weights = draw(len(t), *a.shape, seed=8)
    powers, slow = OneParameterSubgroup(a).powers(t), by_series(a, t)
    torch.testing.assert_close(powers, slow, rtol=0, atol=1e-11)
    found, expected = (torch.autograd.grad((p * weights).sum(), a)[0] for p in (powers, slow))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("name", degenerate())
def test_gradcheck_in_everything(name):
    a = degenerate()[name].requires_grad_(True)
    n = len(a)
    x = draw(3, n, seed=1).requires_grad_(True)
    t = torch.tensor([-1.5, 0.25, 2.0], dtype=torch.float64, requires_grad=True)
    v = draw(n, seed=2).requires_grad_(True)
    assert torch.autograd.gradcheck(
        lambda a, x, t: OneParameterSubgroup(a).transform(x, t), (a, x, t)
    )
    assert torch.autograd.gradcheck(lambda a, v, t: OneParameterSubgroup(a).orbit(v, t), (a, v, t))
    assert torch.autograd.gradcheck(lambda a: OneParameterSubgroup(a).logarithm(), (a,))


@pytest.mark.parametrize("gap", [0.0, 1e-12, 1e-7, 2e-4, 1.1e-3, 1e-2, 1.0])
def test_gradient_is_continuous_where_frequencies_meet(gap):
    plane = torch.tensor([[0.0, 0.9], [-0.9, 0.0]], dtype=torch.float64)
    a = torch.block_diag(plane, (1 + gap) * plane).requires_grad_(True)
    t = torch.tensor([0.5, 1.0], dtype=torch.float64)
    weights = draw(2, 4, 4, seed=5)
    found, expected = (
        torch.autograd.grad((p * weights).sum(), a)[0]
        for p in (OneParameterSubgroup(a).powers(t), by_series(a, t))
    )
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_orbit_transform_and_powers_agree():
    subgroup = OneParameterSubgroup(draw(6, 6))
    t = draw(4, seed=1)
    x, v = draw(4, 6, seed=2), draw(6, seed=3)
    powers = subgroup.powers(t)
    torch.testing.assert_close(subgroup.orbit(v, t), torch.stack([v @ p for p in powers]), **EXACT)
    moved = torch.stack([p @ sample for p, sample in zip(powers, x, strict=True)])
    torch.testing.assert_close(subgroup.transform(x, t), moved, **EXACT)
    torch.testing.assert_close(subgroup.transform(x, 0.7), x @ subgroup.power(0.7).T, **EXACT)
    torch.testing.assert_close(
        subgroup.transform(x, 0.7), subgroup.transform(x, torch.tensor(0.7, dtype=x.dtype)), **EXACT
    )
    torch.testing.assert_close(
        subgroup.generator(), torch.matrix_exp(subgroup.logarithm()), **EXACT
    )


def test_float32_is_computed_in_double_precision():
    a = draw(99, 99, scale=1e-3, dtype=torch.float32).requires_grad_(True)
    v, t = draw(99, seed=1, dtype=torch.float32), torch.arange(-16.0, 17.0)
    orbit = OneParameterSubgroup(a).orbit(v, t)
    assert orbit.dtype == OneParameterSubgroup(a).generator().dtype == torch.float32
    exact = a.detach().double().requires_grad_(True)
    slow = v.double() @ by_series(exact, t.double())
    torch.testing.assert_close(orbit.double(), slow, rtol=0, atol=1e-6)
    weights = draw(*orbit.shape, seed=2)
    (found,) = torch.autograd.grad((orbit * weights.float()).sum(), a)
    (expected,) = torch.autograd.grad((slow * weights.float().double()).sum(), exact)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=1e-5)


def test_the_symmetric_part_is_ignored():
    a = draw(4, 4)
    moved = OneParameterSubgroup(a + a.T + 3)
    torch.testing.assert_close(moved.generator(), torch.eye(4, dtype=torch.float64), **EXACT)
    assert (moved.frequencies == 0).all()


@pytest.mark.parametrize("size", range(1, 12))
def test_cycle_logarithm_is_the_logarithm_of_the_shift(size):
    logarithm = cycle_logarithm(size, torch.float64)
    torch.testing.assert_close(logarithm, -logarithm.T, **EXACT)
    subgroup = OneParameterSubgroup(logarithm)
    torch.testing.assert_close(subgroup.logarithm(), logarithm, **EXACT)
    shift = torch.diag(torch.ones(size - 1, dtype=torch.float64), 1)
    shift[-1, 0] = 1 if size % 2 else -1
    torch.testing.assert_close(subgroup.generator(), shift, **EXACT)
    eye = torch.eye(size, dtype=torch.float64)
    for k in range(size - 1):
        torch.testing.assert_close(subgroup.orbit(eye[k], torch.ones(1))[0], eye[k + 1], **EXACT)
    # samples move the other way
    ramp = torch.arange(size, dtype=torch.float64)[None]
    torch.testing.assert_close(subgroup.transform(ramp, 1.0)[0, :-1], ramp[0, 1:], **EXACT)


def test_cycle_logarithm_moves_band_limited_signals_by_fractions():
    n, t = 11, 0.3
    k = torch.arange(n, dtype=torch.float64)
    wave = torch.cos(2 * math.pi * 3 * k / n)[None]
    moved = torch.cos(2 * math.pi * 3 * (k + t) / n)[None]
    subgroup = OneParameterSubgroup(cycle_logarithm(n, torch.float64))
    torch.testing.assert_close(subgroup.transform(wave, t), moved, **EXACT)


@pytest.mark.parametrize(("d", "padding"), [(7, 0), (7, 7), (6, 3), (5, 1), (1, 1)])
def test_lift_rows_are_cropped_powers_of_the_padded_filter(d, padding):
    a, phi = draw(d + 2 * padding, d + 2 * padding), draw(d, seed=1)
    subgroup = OneParameterSubgroup(a)
    lift = lift_matrix(subgroup, phi)
    for k in range(d):
        row = pad(phi, padding) @ torch.matrix_exp((k - (d - 1) / 2) * (a - a.T) / 2)
        torch.testing.assert_close(lift[k], row[padding : padding + d], **EXACT)
    chosen = lift_matrix(subgroup, phi, torch.tensor([0.25]))
    assert chosen.shape == (1, d)
    torch.testing.assert_close(crop(subgroup.generator(), d).shape, (d, d))


@pytest.mark.parametrize("padding", [0, 4])
def test_lift_of_the_cycle_with_the_middle_pixel_as_filter_is_the_identity(padding):
    d = 7
    subgroup = OneParameterSubgroup(cycle_logarithm(d + 2 * padding, torch.float64))
    middle = torch.eye(d, dtype=torch.float64)[d // 2]
    torch.testing.assert_close(
        lift_matrix(subgroup, middle), torch.eye(d, dtype=torch.float64), **EXACT
    )


def test_lift_turns_the_group_into_a_shift():
    """L (G x) is L x one row further on: the equivariance of SymmetryLens, eq. 32."""
    subgroup, x = OneParameterSubgroup(draw(9, 9)), draw(20, 9, seed=1)
    lift = lift_matrix(subgroup, draw(9, seed=2))
    before, after = x @ lift.T, subgroup.transform(x, 1.0) @ lift.T
    torch.testing.assert_close(after[:, :-1], before[:, 1:], **EXACT)


def test_lift_gradcheck():
    inputs = (draw(6, 6, scale=1e-3).requires_grad_(True), draw(4, seed=1).requires_grad_(True))
    assert torch.autograd.gradcheck(lambda a, f: lift_matrix(OneParameterSubgroup(a), f), inputs)


def test_bad_input_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"square matrix, got \(2, 3\)"):
        OneParameterSubgroup(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"float32 or float64, got torch\.int64"):
        OneParameterSubgroup(torch.zeros(2, 2, dtype=torch.int64))
    subgroup = OneParameterSubgroup(torch.zeros(4, 4))
    with pytest.raises(ValueError, match="moves 4 numbers, not 3"):
        subgroup.transform(torch.zeros(2, 3), torch.zeros(2))
    with pytest.raises(ValueError, match="3 numbers cannot lie in the middle of 4"):
        lift_matrix(subgroup, torch.zeros(3))
    with pytest.raises(ValueError, match="6 numbers cannot lie in the middle of 4"):
        crop(torch.zeros(4, 4), 6)
