"""Pictures: shapes, frames that tell right from wrong, and legends that are really drawn."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_pl.molecules import draw_molecules, draw_predictions, draw_reconstructions

SIZE = (120, 100)
GREY, RIGHT, WRONG = (225, 225, 225), (0, 114, 178), (213, 94, 0)


def cell(picture, row, column):
    width, height = SIZE
    return picture[row * height : (row + 1) * height, column * width : (column + 1) * width]


def ink(picture):
    return int((picture.min(-1) < 100).sum())


def test_grid_shape_and_type():
    picture = draw_molecules(["C", "CC", "CCC"], columns=2, size=SIZE)
    assert picture.shape == (200, 240, 3)
    assert picture.dtype == np.uint8
    assert (cell(picture, 1, 1) == 255).all()


def test_frames_tell_same_from_different():
    picture = draw_reconstructions(["CCO"] * 4, ["OCC", "COC", "C1CC", None], 4, SIZE)
    frames = [tuple(cell(picture, 1, i)[0, 0]) for i in range(4)]
    assert frames == [RIGHT, WRONG, WRONG, WRONG]
    assert {tuple(cell(picture, 0, i)[0, 0]) for i in range(4)} == {GREY}


def test_what_cannot_be_drawn_says_so():
    picture = draw_molecules([None], size=SIZE)
    assert tuple(picture[0, 0]) == WRONG
    assert ink(picture[5:-5, 5:-5]) > 50


def test_legend_is_drawn_below():
    bare, labelled = (
        draw_molecules(["C"], legend, size=SIZE) for legend in (None, ["gap 6.2 eV\nline"])
    )
    assert ink(labelled[-42:-4]) > ink(bare[-42:-4]) + 50


def test_superscripts_have_a_glyph():
    with_it, without = (
        draw_molecules(["C"], [text], size=SIZE).astype(int) for text in ("bohr³", "bohr")
    )
    assert np.abs(with_it - without).sum() > 0


def test_predictions_state_property_unit_and_truth():
    values = {"gap": (6.4, 6.2), "polarisability": (77.0, None)}
    one, other = (
        draw_predictions(["CCO"], [v], {"gap": "eV"}, size=SIZE)
        for v in (values, values | {"gap": (6.4, None)})
    )
    assert one.shape == (100, 120, 3)
    assert (one != other).any()


def test_long_legends_shrink_to_fit():
    picture = draw_molecules(["C"], ["polarisability [bohr³]: 1.00, true 1.00"], size=(240, 100))
    assert (picture[10:-10, 4:6] == 255).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: draw_molecules([]), "no molecules"),
        (lambda: draw_molecules(["C"], ["a", "b"]), "1 molecules .* got 2"),
        (lambda: draw_reconstructions(["C"], []), "1 inputs .* got 0"),
    ],
)
def test_bad_calls(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_the_first_of_a_row_is_marked_as_the_reference():
    values = [{"gap": (6.5, None)}] * 4
    picture = draw_predictions(["CCO"] * 4, values, {"gap": "eV"}, 2, SIZE, references=True)
    corners = [tuple(picture[y, x]) for y in (0, SIZE[1]) for x in (0, SIZE[0])]
    assert corners == [(20, 20, 20), GREY] * 2
