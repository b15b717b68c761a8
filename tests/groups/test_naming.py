"""Groups named from noisy elements: planted ones, what is none, and how sure a name is.

The whole count is marked slow; docs/clouds.md reports it.
"""

import math
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch

from symmetry_pl import name_group
from symmetry_pl.groups import axial, cyclic, dihedral, octahedral, tetrahedral
from symmetry_pl.groups.naming.evidence import closure_p_value, few, uniform_p_value
from symmetry_pl.groups.naming.handedness import handed
from symmetry_pl.groups.naming.planted import (
    KINDS,
    NULLS,
    is_false_group,
    is_named,
    jittered,
    null,
    planted,
    turned,
)
from symmetry_pl.groups.naming.sample import read_sample
from symmetry_pl.groups.rotations import (
    conjugate,
    matrix_of,
    multiply,
    quaternion_of,
    random_rotations,
    rotation_of,
)

PAGE = Path(__file__).parents[2] / "docs" / "clouds.md"


def draws(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", ["C1", "C3", "C12", "D2", "D5", "T", "I", "SO(2)", "SO(3)"])
def test_planted_groups_are_named(kind):
    elements, _, group = planted(len(KINDS) + KINDS.index(kind))  # of those with outliers
    found = name_group(elements)
    assert is_named(found, kind, group), found
    if kind != "C1":
        assert found.p_value < 0.05
    assert found.order == (math.inf if "SO" in kind else group.order)


@pytest.mark.parametrize("seed", range(len(NULLS)), ids=NULLS)
def test_what_is_no_group_is_not_named_one(seed):
    elements, _ = null(seed)
    found = name_group(elements)
    assert not is_false_group(found), found
    if not found.is_group:
        assert found.name.startswith("not a group: ")
        assert (found.symbol, found.axes, found.p_value) == ("", (), 1.0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_rates_of_the_whole_count():
    named = sum(is_named(name_group(x), kind, group) for x, kind, group in map(planted, range(220)))
    wrong = sum(is_false_group(name_group(x)) for x, _ in map(null, range(120)))
    print(f"{named} of 220 planted groups named, {wrong} of 120 nulls called a group")
    assert named >= 0.95 * 220
    assert wrong <= 0.05 * 120


@pytest.mark.parametrize("kind", ["C4", "D3", "SO(2)"])
def test_cosets_have_the_group_of_their_relative_elements(kind):
    generator = draws(0)
    group, offset = turned(kind, generator), random_rotations(1, 3, generator)[0]
    elements = jittered(group.sample(1000, generator=generator), 0.03, generator)
    assert is_named(name_group(elements @ offset, coset="right"), kind, group)
    assert is_named(name_group(offset @ elements, coset="left"), kind, group)
    if kind != "SO(2)":
        assert not name_group(elements @ offset).is_group


@pytest.mark.parametrize(
    ("group", "symbol"),
    [(cyclic(1, None), "C1"), (cyclic(5, None), "C5"), (dihedral(1, None, (1.0, 2.0)), "D1"),
     (dihedral(3, None, (1.0, 2.0)), "D3")],
)  # fmt: skip
def test_groups_of_the_plane(group, symbol):
    generator = draws(1)
    turn = rotation_of(0.03 * torch.randn(600, 1, generator=generator, dtype=torch.float64))
    found = name_group(turn @ group.sample(600, generator=generator))
    assert (found.symbol, found.order, found.axes) == (symbol, group.order, ())
    assert float(group.distance(torch.from_numpy(found.elements)).max()) < math.radians(1)
    assert found.uniform


def test_all_of_the_plane_and_parts_of_it():
    generator = draws(0)
    turns = random_rotations(600, 2, generator)
    assert name_group(turns).symbol == "SO(2)"
    mirrors = torch.cat([turns[:300], turns[300:] * torch.tensor([1.0, -1.0])])
    assert name_group(mirrors).symbol == "O(2)"
    part = rotation_of(3 * torch.rand(600, 1, generator=generator, dtype=torch.float64))
    assert not name_group(part).is_group


@pytest.mark.parametrize(
    ("rotations", "proper", "symbol"),
    [(octahedral(), tetrahedral(), "Td"), (dihedral(3), cyclic(3), "C3v"),
     (dihedral(6), dihedral(3), "D3h"), (dihedral(4), dihedral(2), "D2d"),
     (cyclic(2), cyclic(1), "Cs"), (cyclic(4), cyclic(2), "S4"), (cyclic(6), cyclic(3), "C3h")],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_groups_with_mirror_images(rotations, proper, symbol):
    generator = draws(2)
    signs = torch.where(proper.distance(rotations.elements) < 1e-6, 1.0, -1.0)
    elements = rotations.elements * signs[:, None, None]
    drawn = elements[torch.randint(len(elements), (1500,), generator=generator)]
    found = name_group(jittered(drawn, 0.03, generator))
    assert (found.symbol, found.order) == (symbol, len(elements))
    off = (torch.from_numpy(found.elements)[:, None] - elements).norm(dim=(2, 3))
    assert float(off.amin(1).max()) < 0.03
    assert float(off.amin(0).max()) < 0.03


@pytest.mark.parametrize(
    ("kind", "symbol"),
    [("C1", "Ci"), ("C3", "S6"), ("C4", "C4h"), ("D3", "D3d"), ("SO(2)", "C∞h"), ("SO(3)", "O(3)")],
)
def test_groups_with_the_inversion(kind, symbol):
    generator = draws(3)
    group = turned(kind, generator)
    turns = group.sample(800, generator=generator) if group else random_rotations(800, 3, generator)
    signs = torch.where(torch.rand(800, 1, 1, generator=generator) < 0.5, 1.0, -1.0)
    assert name_group(signs * jittered(turns, 0.03, generator)).symbol == symbol


def test_mirror_images_without_a_subgroup_are_no_group():
    elements = cyclic(3).elements * torch.tensor([1.0, -1.0, 1.0])[:, None, None]
    assert "what does not mirror" in name_group(elements.repeat(200, 1, 1)).because
    flips = torch.tensor([[10.0], [0.0]]).repeat(1, 2).flatten()
    assert handed("O(2)", torch.zeros(0, 4), torch.full((4,), 10.0), 10.0 - flips) == (
        "C∞v", pytest.approx(torch.tensor([[1, 0], [1, 0], [0, 1], [0, 1]]).bool())
    )  # fmt: skip


def test_uneven_shares_are_found_and_weights_undo_them():
    shares, even = torch.tensor([0.5, 0.1, 0.1, 0.1, 0.1, 0.1]), []
    for seed in range(5):
        generator = draws(seed)
        group = turned("D3", generator)
        which = torch.multinomial(shares, 400, True, generator=generator)
        drawn = jittered(group.elements[which], 0.02, generator)
        uneven, weighted = name_group(drawn), name_group(drawn, weights=1 / shares[which])
        assert is_named(uneven, "D3", group)
        assert is_named(weighted, "D3", group)
        assert not uneven.uniform
        even.append(weighted.errors["uniform_p"])
    assert 0.1 < sorted(even)[2] < 0.95  # p-values are uniform


def test_standard_errors_of_axes_are_those_of_repeated_draws():
    offs, said = [], []
    for seed in range(30):
        found = name_group(
            jittered(cyclic(3).sample(300, generator=draws(seed)), 0.05, draws(99 + seed))
        )
        x, y, _ = found.axes[0].direction
        offs += [math.degrees(x), math.degrees(y)]
        said.append(found.errors["axis"])
    assert 0.6 < float(np.std(offs)) / float(np.mean(said)) < 1.5
    assert found.errors["jitter"] == pytest.approx(math.degrees(0.05), rel=0.15)


def test_axes_are_listed_by_their_order():
    found = name_group(octahedral().elements.repeat(40, 1, 1))
    assert [axis.order for axis in found.axes] == [4] * 3 + [3] * 4 + [2] * 6
    assert max(map(abs, found.axes[0].direction)) == pytest.approx(1)
    both = name_group(axial((1.0, 2.0, 2.0), True).sample(900, generator=draws(0)))
    assert both.name == "O(2) about (0.33, 0.67, 0.67)"
    assert str(found).startswith("O (octahedral rotations, 24 elements) (p = 0.002): ")


def test_evidence_is_that_of_its_definitions():
    sample = read_sample(random_rotations(200, 3, draws(0)))
    group = quaternion_of(tetrahedral().elements)
    assert closure_p_value(sample, group) == 1 / 500
    lone = sample.uniform(5, draws(1))
    lone[0] = torch.tensor([1.0, 0, 0, 0])
    assert closure_p_value(sample, lone) > 0.02
    # a random rotation is within 3° of a half turn with probability (3 + sin 3°)/π
    near = quaternion_of(
        rotation_of(torch.tensor([[0.0, 0, 0], [0, 0, math.radians(177)]]).double())
    )
    assert closure_p_value(sample, near) == pytest.approx(2 * math.radians(3) / math.pi, abs=0.02)
    assert few(torch.tensor([20.0, 22.0, 18.0]), 20.0) == (0, 1.0)
    missing, chance = few(torch.tensor([30.0, 30.0, 0.0]), 20.0)
    assert missing == 1
    assert chance < 1e-3
    assert uniform_p_value(torch.tensor([10.0, 10.0])) == 1
    assert uniform_p_value(torch.tensor([40.0, 10.0])) < 1e-4


def test_quaternions_multiply_as_matrices_do():
    a, b = quaternion_of(random_rotations(10, 3, draws(0))).chunk(2)
    torch.testing.assert_close(matrix_of(multiply(a, b)), matrix_of(a) @ matrix_of(b))
    torch.testing.assert_close(matrix_of(conjugate(a)), matrix_of(a).mT)


def test_a_name_is_the_same_each_time_and_inputs_stay():
    elements, _, _ = planted(3)
    kept = elements.clone()
    state = torch.random.get_rng_state()
    one, two = name_group(elements), name_group(elements.numpy())
    assert (one.name, one.p_value, one.errors) == (two.name, two.p_value, two.errors)
    assert torch.equal(elements, kept)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_what_cannot_be_named_is_one_sentence():
    eye = torch.eye(3).repeat(30, 1, 1)
    for arguments, message in [
        ({"elements": eye[:, :2]}, r"shape \(N, 2, 2\) or \(N, 3, 3\), got \(30, 2, 3\)"),
        ({"elements": eye * math.nan}, "must be finite"),
        ({"elements": 2 * eye}, "must be orthogonal matrices, but gᵀg is off the identity by 3"),
        ({"elements": eye[:5]}, "from 20 elements of positive weight or more, got 5"),
        ({"elements": eye, "coset": "right"}, "from 20 pairs of elements or more, got 15"),
        ({"elements": eye, "coset": "both"}, r"left \(c H\) or right \(H c\), got 'both'"),
        ({"elements": eye, "weights": [-1.0] * 30}, "weights must be 30 finite numbers"),
        ({"elements": eye, "largest": 1}, "largest must be 2 or more"),
    ]:
        with pytest.raises(ValueError, match=message):
            name_group(**arguments)


def test_the_page_says_what_comes_out():
    text, scope = PAGE.read_text(), {}
    blocks = re.findall(r"```python\n(.*?)```\n+(?:```text\n(.*?)```)?", text, re.DOTALL)
    assert blocks
    for code, expected in blocks:
        said = StringIO()
        with redirect_stdout(said):
            exec(code, scope)
        assert said.getvalue() == expected


def test_what_is_no_group_of_the_plane_has_no_elements_of_the_plane():
    turns = rotation_of(torch.tensor([[0.4], [1.7], [2.9]]).double()).repeat(40, 1, 1)
    found = name_group(turns)
    assert not found.is_group
    assert found.elements.shape == (0, 2, 2)
