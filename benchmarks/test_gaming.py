"""What gaming the figures of an SGM gives: elements composed to all that f infers.

``OMP_NUM_THREADS=1 python -m pytest -s benchmarks/test_gaming.py`` prints the table of docs/sgm.md.
"""

import pytest
import torch

import symmetry_pl
from symmetry_pl.datamodules import MNISTDataModule
from symmetry_pl.sgm.inference import InferenceNetwork
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


@torch.no_grad()
def test_gaming_attempts_on_mnist():
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
    rows = {}
    for name, f in found.items():
        scores = PrototypeScores(sgm.group, {"": sgm.orbits[""]}, COPIES, IMAGES)
        scores.update(f, x, torch.arange(IMAGES), everything=False)
        rows[name] = values = {k: float(v) for k, v in scores.compute().items()}
        print("|", name, *(f"| {values[figure]:.4f}" for figure in FIGURES), "|")
    print({k: v for k, v in rows["as trained"].items() if k.startswith(("transport", "retrieval"))})
    honest = rows["as trained"]
    for name in list(ATTEMPTS)[1:]:
        assert rows[name]["transport_error"] == pytest.approx(honest["transport_error"], rel=0.01)
        assert rows[name]["retrieval"] <= 1.05 * honest["retrieval"]
