"""The affine group: laws, conventions, both charts, the published transforms, bad bounds."""

import itertools
import math
import os
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from torch.autograd import gradcheck

from symmetry_pl.groups import AffineGroup, affine_generators
from symmetry_pl.testing import assert_group

FIVE = (0.25, 0.25, math.pi, 0.25, 0.25)
SIX = (*FIVE, 0.25)
POLAR = {"bounds": SIX, "chart": "polar"}
# Half a turn together with a stretch by two different factors has no principal logarithm.
GROUPS = {
    "five": {"bounds": FIVE},
    "six": {"bounds": (0.25, 0.25, 3.0, 0.25, 0.25, 0.25)},
    "polar": POLAR,
    "bilinear": {"bounds": FIVE, "interpolation": "bilinear"},
    "turns only": {"bounds": (0, 0, math.pi, 0, 0)},
}


def draw(group, count=64, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand(count, group.dim, generator=generator, dtype=torch.float64)
    return group.from_uniform(u.to(dtype))


@pytest.fixture(scope="module")
def published():
    path = Path(os.environ.get("SYMMETRY_DATA", "/nowhere"), "reference", "sgm_transforms.npz")
    if not path.exists():
        pytest.skip("needs $SYMMETRY_DATA/reference/sgm_transforms.npz")
    with np.load(path) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_group_laws(name, dtype):
    errors = assert_group(AffineGroup(**GROUPS[name]), dtype=dtype, count=64)
    assert errors["a composed element acts as its parts in turn"] < 0.03
    assert errors["an element and its inverse cancel on images"] < 0.03


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_transforms_are_the_published_ones(published, dtype):
    group = AffineGroup(FIVE, interpolation="bilinear")
    image = published["image"].permute(0, 3, 1, 2).to(dtype)
    a, b = (group.element(published[eta].to(dtype)) for eta in ("eta1", "eta2"))
    torch.testing.assert_close(a.float(), published["matrix_eta1"], rtol=0, atol=3e-7)
    for name, element in {
        "apply_eta1_order1": a,
        "apply_inverse_eta1_order1": group.inverse(a),
        "apply_eta1_then_eta2_composed_order1": group.compose(a, b),
    }.items():
        got = group.apply(element, image).permute(0, 2, 3, 1).float()
        torch.testing.assert_close(got, published[name], rtol=0, atol=2e-5)
    # Their cubic is a spline, ours Keys' kernel: near, and ten times nearer than bilinear.
    spline = published["apply_eta1_order3"]
    cubic = AffineGroup(FIVE).apply(a, image).permute(0, 2, 3, 1)
    linear = published["apply_eta1_order1"]
    assert (cubic - spline).square().mean() < 0.1 * (linear - spline).square().mean()


def blob(x, y):
    axis = torch.linspace(-1, 1, 65, dtype=torch.float64)
    return 2 * torch.exp(-((axis - x) ** 2 + (axis[:, None] - y) ** 2) / 0.01)[None, None] - 1


def moments(image):
    weight = (image[0, 0] + 1) / (image[0, 0] + 1).sum()
    axis = torch.linspace(-1, 1, 65, dtype=torch.float64)
    x, y = (weight.sum(0) @ axis).item(), (weight.sum(1) @ axis).item()
    return x, y, weight.sum(0) @ (axis - x) ** 2, weight.sum(1) @ (axis - y) ** 2


@pytest.mark.parametrize("chart", ["exponential", "polar"])
def test_directions_are_as_documented(chart):
    group = AffineGroup(SIX, chart)

    def moved(x, y, **parameters):
        eta = torch.zeros(1, 6, dtype=torch.float64)
        for name, value in parameters.items():
            eta[0, group.names.index(name.replace("_", "-"))] = value
        return moments(group.apply(group.element(eta), blob(x, y)))

    assert moved(0, 0, x_shift=0.3)[:2] == pytest.approx((-0.3, 0), abs=1e-3)
    assert moved(0, 0, y_shift=0.3)[:2] == pytest.approx((0, -0.3), abs=1e-3)
    # From the right to the top of the screen, y being down: counter-clockwise.
    assert moved(0.5, 0, rotation=math.pi / 2)[:2] == pytest.approx((0, -0.5), abs=1e-3)
    still, shrunk = moments(blob(0, 0)), moved(0, 0, x_scale=0.5)
    assert shrunk[2] / still[2] == pytest.approx(math.exp(-1), rel=0.02)
    assert shrunk[3] / still[3] == pytest.approx(1, rel=1e-3)
    assert moved(0, 0.4, y_scale=0.5)[1] == pytest.approx(0.4 * math.exp(-0.5), abs=1e-3)


def test_exponential_chart_is_the_exponential_of_the_generators():
    group = AffineGroup(SIX)
    eta = draw(group)
    matrices = torch.einsum("bi,ijk->bjk", eta, affine_generators())
    expected = torch.stack([torch.from_numpy(scipy.linalg.expm(m.numpy())) for m in matrices])
    torch.testing.assert_close(group.element(eta), expected, rtol=1e-13, atol=1e-13)
    five = AffineGroup(FIVE)
    torch.testing.assert_close(
        five.element(eta[:, :5]), group.element(eta * torch.tensor([1, 1, 1, 1, 1, 0]))
    )
    torch.testing.assert_close(group.element(-eta), group.inverse(group.element(eta)))


def bracket(a, b):
    return a @ b - b @ a


def test_five_generators_do_not_close_and_six_do():
    generators = affine_generators()
    rotation, x_scale, y_scale, shear = generators[2:]
    torch.testing.assert_close(bracket(rotation, x_scale - y_scale), 2 * shear)
    for count, rank in ((5, 6), (6, 6)):
        basis = list(generators[:count])
        brackets = [bracket(a, b) for a, b in itertools.combinations(basis, 2)]
        spanned = torch.stack(basis + brackets).flatten(1)
        assert torch.linalg.matrix_rank(spanned) == rank


def test_composed_elements_have_six_coordinates_but_not_five():
    five, six = AffineGroup(FIVE), AffineGroup(SIX)
    turn = five.element(torch.tensor([0, 0, 0.7, 0, 0], dtype=torch.float64))
    stretch = five.element(torch.tensor([0, 0, 0, 0.25, -0.25], dtype=torch.float64))
    both = five.compose(turn, stretch)
    with pytest.raises(ValueError, match=r"shear of 0\.\d+, which five parameters cannot express"):
        five.coordinates(both)
    eta = six.coordinates(both)
    assert eta[5].abs() > 0.05
    torch.testing.assert_close(six.element(eta), both)


def test_polar_chart_is_the_polar_decomposition():
    group = AffineGroup(**POLAR)
    elements = torch.randn(300, 3, 3, generator=torch.Generator().manual_seed(0)).double()
    elements[:, 2] = torch.tensor([0.0, 0, 1])
    elements = elements[torch.linalg.det(elements) > 0]
    eta = group.coordinates(elements)
    assert len(eta) > 100
    torch.testing.assert_close(group.element(eta), elements, rtol=1e-10, atol=1e-10)
    # what the shift takes to the middle, the turn and the stretch leave there
    middle = torch.cat([-eta[:, :2], torch.ones(len(eta), 1).double()], 1)
    assert (elements @ middle[..., None])[:, :2].abs().max() < 1e-10
    for row, element in zip(eta[:40], elements[:40], strict=True):
        turn, stretch = scipy.linalg.polar(element[:2, :2].numpy())
        assert math.atan2(turn[1, 0], turn[0, 0]) == pytest.approx(row[2].item(), abs=1e-10)
        log = scipy.linalg.logm(stretch)
        assert [log[0, 0], log[1, 1], log[0, 1]] == pytest.approx(row[3:].tolist(), abs=1e-9)


def test_polar_chart_has_what_the_exponential_lacks():
    eta = torch.tensor([0.1, -0.2, math.pi, 0.25, -0.25, 0.1], dtype=torch.float64)
    polar = AffineGroup(**POLAR)
    element = polar.element(eta)
    torch.testing.assert_close(polar.coordinates(element), eta)
    with pytest.raises(ValueError, match='no principal logarithm: chart "polar"'):
        AffineGroup(SIX).coordinates(element)
    mirror = torch.diag(torch.tensor([-1.0, 1.0, 1.0]))
    for group in (polar, AffineGroup(SIX)):
        with pytest.raises(ValueError, match="mirror"):
            group.coordinates(mirror)


@pytest.mark.parametrize("name", ["five", "six", "polar"])
@pytest.mark.parametrize("scale", [0.0, 1e-8, 1.0])
def test_charts_have_the_right_gradients_both_ways(name, scale):
    group = AffineGroup(**GROUPS[name])
    eta = (scale * draw(group, 2)).requires_grad_()
    assert gradcheck(group.element, (eta,))

    def there_and_back(eta):
        return group.coordinates(group.element(eta))

    assert gradcheck(there_and_back, (eta,))
    if group.dim == 6:
        assert gradcheck(group.coordinates, (group.element(eta).detach().requires_grad_(),))


def test_single_precision_under_autocast():
    for options in GROUPS.values():
        group = AffineGroup(**options)
        eta, x = 0.9 * draw(group, 8, torch.float32), torch.rand(8, 1, 12, 12) * 2 - 1

        def everything(eta, group=group, x=x):
            element = group.element(eta)
            both = group.compose(element, group.inverse(element))
            return element, both, group.coordinates(element), group.apply(element, x)

        plain = everything(eta)
        with torch.autocast("cpu", torch.bfloat16):
            cast = everything(eta)
        for a, b in zip(plain, cast, strict=True):
            assert b.dtype == torch.float32
            torch.testing.assert_close(a, b, rtol=0, atol=0)
        assert group.element(eta.bfloat16()).dtype == torch.float32
        assert group.apply(plain[0].bfloat16(), x.bfloat16()).dtype == torch.float32


def test_draws_stay_within_bounds_and_reach_them():
    group = AffineGroup((0.25, 0.0, 2.0, 0.1, 0.2))
    corners = group.from_uniform(torch.tensor([[0.0] * 5, [0.5] * 5, [1.0] * 5]))
    torch.testing.assert_close(corners[2], torch.tensor(group.bounds))
    torch.testing.assert_close(corners[0], -corners[2])
    assert not corners[1].any()
    drawn = group.coordinates(group.sample(200, generator=torch.Generator().manual_seed(0)))
    assert (drawn.abs() <= torch.tensor(group.bounds) + 1e-5).all()
    assert drawn[:, 2].abs().max() > 1.8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bounds": (0.1, 0.1, 0.1)}, "must be 5 or 6 numbers .x-shift, .*, got 3"),
        ({"bounds": (0.1, 0.1, -1, 0.1, 0.1)}, "cannot be negative, got -1 for the rotation"),
        ({"bounds": (0, 0, 0, 0, 0)}, "are all 0.*give at least one parameter a positive bound"),
        ({"bounds": (0.1, math.nan, 0, 0, 0)}, "must be finite, got nan for the y-shift"),
        ({"bounds": (0.1, math.inf, 0, 0, 0)}, "must be finite, got inf for the y-shift"),
        ({"bounds": FIVE, "chart": "polar"}, "needs 6 bounds, got 5: add one for the shear"),
        ({"bounds": FIVE, "chart": "cubic"}, "chart must be one of .*, got 'cubic'"),
        ({"bounds": FIVE, "interpolation": "nearest"}, "interpolation must be one of"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        AffineGroup(**options)


def test_images_too_small_to_have_coordinates_are_refused():
    group = AffineGroup(FIVE)
    group.check_images((1, 2, 2))
    for shape in ((1, 1, 5), (28, 28), (0, 4, 4)):
        with pytest.raises(ValueError, match="images"):
            group.check_images(shape)
