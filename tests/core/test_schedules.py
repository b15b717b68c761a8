import math

import pytest

from symmetry_pl.core.schedules import GeometricGrowth, scheduled


def test_cosine_is_half_a_cosine_after_the_warmup():
    assert scheduled(0.1, "cosine", 0.2, 0.0, 0.1) == pytest.approx(0.5)
    assert scheduled(0.0, "cosine", 0.2, 0.3, 0.1) == pytest.approx(0.3)
    for share in (0.0, 0.3, 0.8, 1.0):
        expected = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * share))
        assert scheduled(0.2 + 0.8 * share, "cosine", 0.2, 0.0, 0.1) == pytest.approx(expected)


def test_a_warmup_of_all_of_it_and_a_constant():
    assert scheduled(0.5, "cosine", 1.0, 0.0, 0.0) == 0.5
    assert scheduled(1.0, "constant", 0.0, 0.0, 0.0) == 1.0


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
