"""What gaming the figures of an SGM gives: elements composed to all that f infers, or prototypes
painted otherwise than by them.

``OMP_NUM_THREADS=1 python -m pytest -s benchmarks/test_gaming.py`` prints the table of docs/sgm.md.
"""

from dataclasses import replace

import pytest
import torch

import symmetry_pl
from symmetry_pl.datamodules import MNISTDataModule
from symmetry_pl.sgm.blur import gaussian_blur
from symmetry_pl.sgm.inference import InferenceNetwork
from symmetry_pl.sgm.orbits import copies_of
from symmetry_pl.sgm.scores import PrototypeScores

IMAGES, COPIES = 256, 4
FIGURES = ("prototype_spread", "prototype_spread_relative", "transport_error", "retrieval")
ATTEMPTS = {
    "as trained": None,
    "all shrunk": [0, 0, 0, -1.5, -1.5, 0],
    "all magnified": [0, 0, 0, 1.0, 1.0, 0],
    "all turned by 57°": [0, 0, 1.0, 0, 0, 0],
    "all blank": [4.0, 0, 0, 0, 0, 0],
}


def blurred(pictures):
    """Prototypes ``(K, B, C, H, W)`` blurred by a Gaussian of four pixels, in seven steps."""
    flat = pictures.flatten(0, 1)
    for _ in range(7):
        flat = gaussian_blur(flat, 1.5)
    return flat.view_as(pictures)


def one_for_all(pictures):
    """The first image's prototype in place of every one."""
    return pictures[:1, :1].expand_as(pictures)


PAINTED = {"all blurred": blurred, "one fixed prototype": one_for_all}


class Gamed(InferenceNetwork):
    """c then f for one element c; or, without f, the identity or random elements."""

    def __init__(self, group, honest=None, element=None):
        super().__init__(group)
        self.honest, self.element = honest, element

    def forward(self, x, perturbation=None):
        if self.honest is None:
            if self.element == "random":
                return self.group.sample(len(x), generator=torch.Generator().manual_seed(0))
            return self.group.identity(len(x))
        found = self.honest(x)
        return (
            found
            if self.element is None
            else self.group.compose(self.element.expand_as(found), found)
        )


def figures(group, f, x, orbit):
    scores = PrototypeScores(group, {"": orbit}, COPIES, IMAGES)
    scores.update(f, x, torch.arange(IMAGES), everything=False)
    return {name: float(value) for name, value in scores.compute().items()}


@torch.no_grad()
def test_gaming_attempts_on_mnist(monkeypatch):
    sgm = symmetry_pl.load("mnist-affine-sgm").module
    data = MNISTDataModule(eval_samples=IMAGES)
    data.prepare_data()
    x = data.make_split("test").__getitems__(range(IMAGES))[0]
    found = {}
    for name, eta in ATTEMPTS.items():
        element = None if eta is None else sgm.group.element(torch.tensor([eta]))
        found[name] = Gamed(sgm.group, sgm.inference, element)
    found["nothing inferred"] = Gamed(sgm.group)
    found["random elements"] = Gamed(sgm.group, element="random")
    rows = {name: figures(sgm.group, f, x, sgm.orbits[""]) for name, f in found.items()}
    for name, paint in PAINTED.items():

        def painted(*given, paint=paint):
            found = copies_of(*given)
            return replace(found, composed=paint(found.composed), direct=paint(found.direct))

        monkeypatch.setattr("symmetry_pl.sgm.scores.copies_of", painted)
        rows[name] = figures(sgm.group, sgm.inference, x, sgm.orbits[""])
    for name, values in rows.items():
        print("|", name, *(f"| {values[figure]:.4f}" for figure in FIGURES), "|")
    print({k: v for k, v in rows["as trained"].items() if k.startswith(("transport", "retrieval"))})
    honest = rows["as trained"]
    for name in [*list(ATTEMPTS)[1:], *PAINTED]:
        assert rows[name]["transport_error"] == pytest.approx(honest["transport_error"], rel=0.01)
        assert rows[name]["retrieval"] <= 1.05 * honest["retrieval"]
    assert rows["one fixed prototype"]["retrieval"] < 0.05
