from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

from symmetry_pl.plots import generator as drawings

RNG = np.random.default_rng(0)


def shift(dim):
    return np.eye(dim, k=-1)


def orthogonal(dim):
    return np.linalg.qr(RNG.normal(size=(dim, dim)))[0]


def drawn(figure, render=False):
    """Its axes without colour bars; rendering, where some things only fail, takes half a second."""
    assert isinstance(figure, Figure)
    if render:
        figure.canvas.draw()
    return [a for a in figure.axes if a.get_label() != "<colorbar>" and a.axison]


@pytest.mark.parametrize("dim", [3, 7, 33, 99])
def test_a_generator_stands_beside_the_ideal_with_its_errors(dim):
    ideal = shift(dim)
    learned = ideal + RNG.normal(0, 0.01, ideal.shape)
    figure = drawings.generator(learned, ideal)
    left, right, histogram = drawn(figure)
    assert np.array_equal(left.images[0].get_array(), learned)
    assert np.array_equal(right.images[0].get_array(), ideal)
    limits = {axis.images[0].get_clim() for axis in (left, right)}
    assert len(limits) == 1
    low, high = limits.pop()
    assert low == -high
    assert high == np.abs(learned).max()
    counts = [bar.get_height() for bar in histogram.patches]
    assert sum(counts) == dim * dim
    cosine = (learned * ideal).sum() / np.linalg.norm(learned) / np.linalg.norm(ideal)
    assert histogram.get_title().startswith(f"cosine {cosine:.4f}, rms error ")


def test_entries_are_at_least_two_pixels_wide():
    figure = drawings.generator(shift(99), shift(99))
    assert drawn(figure, render=True)[0].get_window_extent().width > 2 * 99


def test_hidden_positions_show_the_shift():
    q = orthogonal(7)
    learned = q.T @ shift(7) @ q
    axes = drawn(drawings.generator(learned, learned, q))
    assert len(axes) == 6
    assert np.allclose(axes[3].images[0].get_array(), shift(7))
    assert axes[3].get_xlabel() == "from hidden position"
    assert axes[0].get_xlabel() == "from component of x"


def test_a_line_that_is_not_hidden_is_drawn_once():
    assert len(drawn(drawings.generator(shift(5), shift(5), np.eye(5)))) == 3
    assert len(drawn(drawings.resolving_filter(np.ones(5), np.eye(5)))) == 1


def test_without_a_truth_only_what_was_learned_is_drawn():
    (axis,) = drawn(drawings.generator(shift(5), basis=orthogonal(5)))
    assert axis.get_title() == "learned generator"
    (axis,) = drawn(drawings.lifting(np.eye(5)))
    assert axis.get_ylabel() == "lifted position"
    assert len(drawn(drawings.resolving_filter(RNG.normal(size=5)))) == 1


def test_a_lifting_matrix_of_zeros_can_be_drawn():
    left, _, histogram = drawn(drawings.lifting(np.zeros((4, 4)), np.eye(4)), render=True)
    assert left.images[0].get_clim() == (-1, 1)
    assert "cosine 0.0000" in histogram.get_title()
    drawn(drawings.lifting(np.zeros((4, 4))))
    drawn(drawings.lifting(np.eye(4), np.eye(4)), render=True)


def test_a_filter_is_shown_along_both_axes():
    q = orthogonal(9)
    left, right = drawn(drawings.resolving_filter(q[4], q), render=True)
    assert np.allclose(left.lines[0].get_ydata(), q[4])
    assert np.allclose(right.lines[0].get_ydata(), np.eye(9)[4])


@pytest.mark.parametrize("rows", [1, 4])
def test_signals_stand_beside_their_lifts_on_one_scale(rows):
    raw, lifted, hidden = RNG.normal(size=(3, rows, 11))
    axes = drawn(drawings.lifted_signals(raw, 5 * lifted, hidden), render=rows == 1)
    assert len(axes) == 2 * rows
    for i in range(rows):
        left, right = axes[2 * i : 2 * i + 2]
        assert np.array_equal(left.lines[0].get_ydata(), raw[i])
        assert np.array_equal(right.lines[0].get_ydata(), hidden[i])
        assert np.array_equal(right.lines[1].get_ydata(), 5 * lifted[i])
        assert left.get_ylim() == right.get_ylim()
    assert "grey" in axes[1].get_title()
    plain = drawn(drawings.lifted_signals(raw, lifted))
    assert "grey" not in plain[1].get_title()


@pytest.mark.parametrize("count", [1, 3, 4])
def test_training_curves_have_a_panel_each(count):
    names = ["alignment", "uniformity [nats]", "entropy [nats]", "generator cosine"][:count]
    batches = list(range(0, 400_000, 10_000))
    two = {"marginal": (batches, batches), "joint": (batches, batches)}
    panels = {name: two if "entropy" in name else {"": (batches, batches)} for name in names}
    axes = drawn(drawings.training(panels), render=count != 1)
    assert [a.get_ylabel() for a in axes] == names
    assert [a.get_legend() is not None for a in axes] == ["entropy" in name for name in names]
    last = axes[-1]
    assert last.get_xlabel() == "batches"
    if count == 1:
        return
    shown = [t for t in last.get_xticklabels() if t.get_text()]
    assert "200k" in [t.get_text() for t in shown]
    boxes = [t.get_window_extent() for t in shown]
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))
