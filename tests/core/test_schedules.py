import math

import pytest

from symmetry_pl.core.schedules import GeometricGrowth, named_schedule, ramp, warmup_cosine


def test_cosine_is_half_a_cosine_after_the_warmup():
    factor = warmup_cosine(warmup=0.2, floor=0.1)
    assert factor(0.1) == pytest.approx(0.5)
    for share in (0.0, 0.3, 0.8, 1.0):
        expected = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * share))
        assert factor(0.2 + 0.8 * share) == pytest.approx(expected)


def test_ramp_is_continuous_and_a_step_where_its_ends_coincide():
    assert [ramp(0.2, 0.6)(p) for p in (0.0, 0.2, 0.4, 0.6, 1.0)] == pytest.approx(
        [0, 0, 0.5, 1, 1]
    )
    assert [ramp(0.3, 0.3)(p) for p in (0.29, 0.3)] == [0.0, 1.0]


def test_growth_is_the_papers():
    growth = GeometricGrowth(0.7, 1.03, every=300, limit=1e6)
    assert growth(0) == growth(299) == 0.7
    assert growth(300) == pytest.approx(0.721)
    assert growth(150_000) == 1e6
    assert GeometricGrowth(0.7, 1.03, every=300)(150_000) == pytest.approx(0.7 * 1.03**500)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0.7, -1.0), "lambda_growth"), ((0.0, 1.0), "lambda_start"), ((1.0, 1.0, 0), "lambda_every")],
)
def test_growth_refuses_what_is_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        GeometricGrowth(*arguments)


def test_unknown_schedule_names_those_that_exist():
    with pytest.raises(ValueError, match=r"constant.*cosine.*one_cycle"):
        named_schedule("linear")
