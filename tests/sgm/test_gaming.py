"""No change of all prototypes alike betters the scores by elements; the old figures it can."""

import math

import pytest
import torch

from symmetry_pl.groups import AffineGroup, ColorGroup, ProductGroup
from symmetry_pl.metrics.copy_transport import CopyTransport, PrototypeRetrieval
from symmetry_pl.metrics.prototypes import PrototypeSpread
from symmetry_pl.sgm.frames import FrameNetwork
from symmetry_pl.sgm.inference import InferenceNetwork
from symmetry_pl.sgm.orbits import copies_of
from symmetry_pl.sgm.scores import PrototypeScores

SIZE, COUNT = 24, 24
AFFINE = AffineGroup([0.2, 0.2, math.pi, 0.2, 0.2, 0.2], "polar")
RIGID = AffineGroup([0.2, 0.2, math.pi], "rigid")
COLOR = ColorGroup((0.5, 2.301, 0.51))  # clips
PRODUCT = ProductGroup(COLOR, AFFINE)


class Composed(InferenceNetwork):
    """An honest f with one element for all before or after it."""

    def __init__(self, honest, element, first=True):
        super().__init__(honest.group)
        self.honest, self.element, self.first = honest, element, first

    def forward(self, x, perturbation=None):
        found = self.honest(x)
        constant = self.element.to(found).expand_as(found)
        pair = (constant, found) if self.first else (found, constant)
        return self.group.compose(*pair)


class Constant(InferenceNetwork):
    """Nothing is inferred: each prototype is its image."""

    def forward(self, x, perturbation=None):
        return self.group.identity(len(x), dtype=x.dtype, device=x.device)


class Random(InferenceNetwork):
    """An element of the group, whatever the image."""

    def forward(self, x, perturbation=None):
        return self.group.sample(len(x), generator=torch.Generator().manual_seed(len(x)))


def figures_of(channels):
    """Bright bent strokes of several shapes on black, in colours that clip where there are any."""
    generator = torch.Generator().manual_seed(0)
    line = torch.linspace(-1, 1, SIZE)
    y, x = torch.meshgrid(line, line, indexing="ij")
    ink = torch.zeros(COUNT, SIZE, SIZE)
    for _ in range(4):
        place = 0.45 * (2 * torch.rand(COUNT, 2, 1, 1, generator=generator) - 1)
        width = 0.01 + 0.02 * torch.rand(COUNT, 1, 1, generator=generator)
        ink = ink + torch.exp(-((x - place[:, 0]) ** 2 + (y - place[:, 1]) ** 2) / width)
    ink = ink.clamp(max=1)[:, None]
    if channels == 1:
        return 2 * ink - 1
    tint = 0.2 + 0.8 * torch.rand(COUNT, 3, 1, 1, generator=generator)
    return 2 * ink * tint - 1


def scored(f, x, drawing=None):
    """All figures of a validation."""
    drawing = drawing or f.group
    scores = PrototypeScores(f.group, {"": drawing}, size=4, images=COUNT)
    scores.update(f, x, torch.arange(len(x)), everything=False)
    return {name: float(value) for name, value in scores.compute().items()}


def attempts(group):
    """Elements that change all prototypes alike, by name."""
    if group is COLOR:
        eta = {"turn": [0.3, 0.0, 0.0], "grey": [0.0, -6.0, 0.0], "blank": [0.0, 0.0, -9.0],
               "garish": [0.0, 3.0, 0.0], "bright": [0.0, 0.0, 0.7]}  # fmt: skip
        sign = -1  # f then gives c: prototypes are changed by its inverse
    elif group is RIGID:
        eta, sign = {"turn": [0.0, 0.0, 1.0], "blank": [3.0, 0.0, 0.0], "shift": [0.3, 0, 0]}, 1
    else:
        eta = {"shrink": [0, 0, 0, -1.5, -1.5, 0], "magnify": [0, 0, 0, 1.0, 1.0, 0],
               "turn": [0, 0, 1.0, 0, 0, 0], "blank": [4.0, 0, 0, 0, 0, 0]}  # fmt: skip
        sign = 1
        if group is PRODUCT:
            eta = {name: [0.1, -0.3, -0.3, *value] for name, value in eta.items()}
    return {name: group.element(sign * torch.tensor([value])) for name, value in eta.items()}


@pytest.mark.parametrize("group", [AFFINE, RIGID, COLOR, PRODUCT], ids=str)
def test_what_changes_all_prototypes_alike_betters_neither_score(group):
    x = figures_of(1 if group in (AFFINE, RIGID) else 3)
    options = {"affine": {"fit": "isometry"}} if group is RIGID else {}
    honest = FrameNetwork(group, x.shape[1:], widths=(), **options)
    before = scored(honest, x)
    assert before["transport_error"] < 0.5 < before["transport_error_random"]
    assert before["retrieval"] > 5 * before["retrieval_chance"]
    for name, element in attempts(group).items():
        after = scored(Composed(honest, element), x)
        # by rounding alone, whichever way prototypes go
        assert after["transport_error"] == pytest.approx(before["transport_error"], 1e-3), name
        assert after["retrieval"] <= 1.05 * before["retrieval"], name


def test_old_figures_can_be_driven_down():
    x = figures_of(1)
    honest = FrameNetwork(AFFINE, x.shape[1:], widths=())
    before = scored(honest, x)
    small = scored(Composed(honest, attempts(AFFINE)["shrink"]), x)
    assert small["prototype_spread"] < 0.7 * before["prototype_spread"]
    blank = scored(Composed(honest, attempts(AFFINE)["blank"]), x)
    assert blank["prototype_spread"] < 0.01
    assert blank["retrieval"] == pytest.approx(blank["retrieval_chance"], rel=1e-3)


@pytest.mark.parametrize("group", [AFFINE, COLOR], ids=str)
def test_what_infers_nothing_or_anything_is_no_better_than_not_moving(group):
    x = figures_of(1 if group is AFFINE else 3)
    assert scored(Constant(group), x)["transport_error"] == pytest.approx(1, abs=1e-3)
    assert scored(Random(group), x)["transport_error"] > 0.95


def test_a_constant_on_the_other_side_is_punished():
    x = figures_of(1)
    honest = FrameNetwork(AFFINE, x.shape[1:], widths=())
    wrong = Composed(honest, attempts(AFFINE)["turn"], first=False)
    assert scored(wrong, x)["transport_error"] > 2 * scored(honest, x)["transport_error"]


def test_true_elements_have_the_floor():
    x = figures_of(1)

    class Oracle(InferenceNetwork):
        def forward(self, images, perturbation=None):
            return self.found[: len(images)]

    oracle = Oracle(AFFINE)
    oracle.found = AFFINE.sample(4 * COUNT, generator=torch.Generator().manual_seed(1))
    found = copies_of(AFFINE, oracle, x, oracle.found)
    assert torch.equal(found.inferred, oracle.found)
    spread = PrototypeSpread()
    spread.update(found.floor, found.copies)
    assert float(spread.compute()["prototype_spread"]) < 0.1


def test_sums_and_refusals():
    x = torch.randn(3, 2, 1, 4, 4)
    one, two = CopyTransport(), CopyTransport()
    moved, other, truly = x + 0.5, x + 2.0, x + 0.1
    one.update(x, x + 1, moved, truly, other)
    for i in range(3):
        two.update(x[i], x[i] + 1, moved[i], truly[i], other[i])
    for metric in (one, two):
        values = [float(value) for value in metric.compute().values()]
        assert values == pytest.approx([0.25, 0.01, 4.0], rel=1e-4)
    with pytest.raises(ValueError, match="of one shape"):
        one.update(x, x[:1], moved, truly, other)
    with pytest.raises(ValueError, match="K of at least 2"):
        PrototypeRetrieval().update(x[:1])


def test_retrieval_by_hand():
    a, b = torch.eye(4).view(2, 2, 1, 2, 2)[:, 0]
    metric = PrototypeRetrieval()
    metric.update(torch.stack([torch.stack([a, b]), torch.stack([3 * a + 1, 2 * b - 5])]))
    assert float(metric.compute()["retrieval"]) == 1
    swapped = PrototypeRetrieval()
    swapped.update(torch.stack([torch.stack([a, b]), torch.stack([b, a])]))
    assert float(swapped.compute()["retrieval"]) == 0
    none = PrototypeRetrieval()
    none.update(torch.full((3, 5, 1, 2, 2), 0.7))
    values = none.compute()
    assert float(values["retrieval"]) == pytest.approx(float(values["retrieval_chance"])) == 0.2
