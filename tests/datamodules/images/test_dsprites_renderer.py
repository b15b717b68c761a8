import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import grid_sample

from symmetry_pl.datamodules.images.dsprites_factors import (
    GRID,
    SHAPES,
    SYMMETRIES,
    factors_at,
    wrap_orientation,
)
from symmetry_pl.datamodules.images.dsprites_renderer import (
    factors_of,
    pose,
    render,
    render_rows,
    unpack_rows,
)

DATA = Path(os.environ.get("SYMMETRY_DATA") or "absent") / "dsprites"
REAL = DATA / "dsprites_gif_frames.npz"
RNG = np.random.default_rng(0)
TURN = 2 * math.pi


def drawn(count, shape=None):
    """Factors anywhere between the values of the grid."""
    factors = RNG.uniform([0, 0.5, 0, 0, 0], [3, 1, TURN, 1, 1], (count, 5))
    factors[:, 0] = np.floor(factors[:, 0]) if shape is None else shape
    return torch.from_numpy(factors)


@pytest.mark.skipif(not REAL.is_file(), reason="needs $SYMMETRY_DATA/dsprites")
def test_every_pixel_of_the_published_frames():
    real = np.load(REAL)
    factors = np.concatenate(
        [real["latents_classes"][:, 1:2], real["latents_values"][:, 2:]], axis=1
    )
    made = unpack_rows(render_rows(factors))
    assert (made == real["imgs"]).all(axis=(1, 2)).sum() == 320
    assert np.array_equal(factors_at(real["latents_classes"][:, 1:]), factors)


def inside(factors, u, v):
    """Whether places (u, v) in a sprite at scale 1, in image widths, are in its ideal outline."""
    if factors[0] == 0:
        return np.maximum(abs(u), abs(v)) < 0.15
    if factors[0] == 1:
        return (u / 0.1995) ** 2 + (v / 0.1128) ** 2 < 1
    cosine = np.sqrt(1 - np.cbrt(np.minimum(abs(u) / 0.15, 1)) ** 2)

    def edge(c):
        waves = 13 * c - 5 * (2 * c**2 - 1) - 2 * (4 * c**3 - 3 * c) - (8 * c**4 - 8 * c**2 + 1)
        return -0.0225 - 0.3 / 29 * waves

    return (abs(u) < 0.15) & (v > edge(cosine)) & (v < edge(-cosine))


@pytest.mark.parametrize("shape", range(3), ids=SHAPES)
def test_pixels_are_those_whose_centre_is_in_the_outline(shape):
    factors = drawn(60, shape)
    made = unpack_rows(render_rows(factors.numpy())).astype(bool)
    y, x = np.mgrid[:64, :64] + 0.5
    wrong = 0
    for f, image in zip(factors.numpy(), made, strict=True):
        right, down = (x - 16 - 32 * f[3]) / 64 / f[1], (y - 16 - 32 * f[4]) / 64 / f[1]
        cosine, sine = math.cos(f[2]), math.sin(f[2])
        expected = inside(f, cosine * right - sine * down, sine * right + cosine * down)
        assert image.sum() == pytest.approx(expected.sum(), abs=3)
        wrong += (image != expected).sum()
    assert wrong < 0.3 * len(factors)


def test_a_quarter_turn_about_the_centre_turns_the_image_anticlockwise():
    factors = torch.tensor([[2, 0.93, 0.4, 0.3, 0.85], [1, 0.77, 1.3, 0.62, 0.11]]).double()
    turned = factors.clone()
    turned[:, 2] += math.pi / 2
    turned[:, 3], turned[:, 4] = factors[:, 4], 1 - factors[:, 3]
    assert (render(turned) != render(factors).rot90(1, (2, 3))).sum() <= 2


def test_images_do_not_depend_on_their_neighbours_and_are_cut_at_the_frame():
    factors = drawn(50)
    images = render(factors)
    assert (images.shape, images.dtype) == ((50, 1, 64, 64), torch.float32)
    assert set(images.unique().tolist()) == {-1.0, 1.0}
    assert torch.equal(render(factors[[7, 3]]), images[[7, 3]])
    whole = render(torch.tensor([[0, 1.0, 0.1, 0.5, 0.5]]))
    for place, kept in (((-0.5, 0.5), 0.5), ((0.5, 1.5), 0.5), ((-0.5, 1.5), 0.25), ((9, 9), 0)):
        cut = render(torch.tensor([[0, 1.0, 0.1, *place]]))
        share = ((cut + 1).sum() / (whole + 1).sum()).item()
        assert share == pytest.approx(kept, abs=0.08)
    big = render(torch.tensor([[0, 20.0, 0.0, 0.5, 0.5]]))
    assert (big == 1).all()


@pytest.mark.parametrize("shape", range(3), ids=SHAPES)
def test_pose_takes_the_canonical_picture_to_the_image(shape):
    factors = drawn(40, shape)
    canonical = render(torch.tensor([[shape, 1.0, 0.0, 0.5, 0.5]])).double()
    line = torch.linspace(-1, 1, 64, dtype=torch.float64)
    y, x = torch.meshgrid(line, line, indexing="ij")
    places = torch.stack([x, y, torch.ones_like(x)], -1)
    grid = torch.einsum("bij,hwj->bhwi", pose(factors), places)[..., :2]
    copies = (canonical + 1).expand(40, -1, -1, -1)
    warped = grid_sample(copies, grid, mode="bilinear", align_corners=True) > 1
    made = render(factors) > 0
    overlap = (warped & made).sum((1, 2, 3)) / (warped | made).sum((1, 2, 3))
    assert overlap.min() > 0.8
    assert overlap.mean() > 0.9
    centre = (made * places[..., :2].permute(2, 0, 1)).sum((2, 3)) / made.sum((2, 3))
    homogeneous = torch.cat([centre, torch.ones(40, 1)], 1)
    back = (pose(factors) @ homogeneous[:, :, None])[:, :2, 0]
    middle = ((canonical > 0)[0] * places[..., :2].permute(2, 0, 1)).sum((1, 2))
    assert (back - middle / (canonical > 0).sum()).abs().max() < 0.7 / 31.5


def test_pose_is_a_rotation_a_scale_and_a_shift():
    matrix = pose(torch.tensor([[1, 0.5, math.pi / 2, 0.5, 1.0]], dtype=torch.float64))[0]
    assert matrix.dtype == torch.float64
    shift = 16 / 31.5
    expected = torch.tensor([[0, -2, 2 * shift], [2, 0, 0], [0, 0, 1]], dtype=torch.float64)
    assert torch.allclose(matrix, expected)
    assert torch.equal(pose(torch.tensor([[0, 1.0, 0, 0.5, 0.5]]))[0], torch.eye(3).double())


@pytest.mark.parametrize("shape", range(3), ids=SHAPES)
def test_factors_of_a_pose_are_its_factors(shape):
    factors = drawn(100, shape)
    back = factors_of(pose(factors), factors[:, 0])
    assert torch.allclose(back[:, [0, 1, 3, 4]], factors[:, [0, 1, 3, 4]])
    turns = (back[:, 2] - factors[:, 2]) / SYMMETRIES[shape]
    assert torch.allclose(turns, turns.round(), atol=1e-9)
    assert (back[:, 2] >= 0).all()
    assert (back[:, 2] < SYMMETRIES[shape]).all()
    differ = (render(back) != render(factors)).sum((1, 2, 3))
    assert differ.double().mean() < 0.2


def test_factors_of_matrices_that_are_no_poses_are_those_of_the_nearest():
    pure = torch.tensor([[2, 0.8, 1.2, 0.25, 0.75]]).double()
    stretch = torch.diag(torch.tensor([1.25, 0.8, 1.0])).double()
    stretched = pose(pure) @ stretch
    squeezed = torch.linalg.inv(pose(pure)[:, :2, :2] @ stretch[:2, :2])
    found = factors_of(stretched, pure[:, 0])
    assert found[0, 1].item() == pytest.approx(0.8)
    left, _, right = torch.linalg.svd(stretched[0, :2, :2])
    nearest = left @ right
    assert found[0, 2].item() == pytest.approx(math.atan2(nearest[1, 0], nearest[0, 0]))
    centre = -(squeezed @ stretched[:, :2, 2:])[0, :, 0] * 31.5 / 32 + 0.5
    assert torch.allclose(found[0, 3:], centre)
    mirrored = torch.diag(torch.tensor([1.0, -1.0, 1.0]))[None]
    with pytest.raises(ValueError, match="positive determinant"):
        factors_of(mirrored, torch.tensor([0]))


def test_orientations_are_wrapped_into_the_least_turn():
    grid = GRID["orientation"]
    assert wrap_orientation(grid, 2)[[0, 39]].tolist() == [0, 0]
    assert np.allclose(wrap_orientation(np.array([-0.1, math.pi + 0.1]), [0, 1]),
                       [math.pi / 2 - 0.1, 0.1])  # fmt: skip


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ([[3, 1, 0, 0, 0]], "shape of a sprite must be 0, 1 or 2"),
        ([[1.5, 1, 0, 0, 0]], "shape of a sprite must be 0, 1 or 2"),
        ([[1, 0, 0, 0, 0]], "scales positive"),
        ([[1, 1, math.nan, 0, 0]], "factors must be finite"),
        ([[1, 1, 0, 0]], r"factors must be \(B, 5\), got \(1, 4\)"),
    ],
)
def test_bad_factors_are_one_sentence(factors, message):
    with pytest.raises(ValueError, match=message):
        render(torch.tensor(factors))
