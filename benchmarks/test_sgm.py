"""CPU seconds of the steps of SGM at the paper's sizes: 512 images, 5 copies each."""

import math
import time

import pytest
import torch
from torch import nn

from symmetry_pl.groups import build_group
from symmetry_pl.sgm.generative import GenerativeNetwork
from symmetry_pl.sgm.inference import MLPInference
from symmetry_pl.sgm.self_supervision import self_supervision

IMAGES, COPIES = 512, 5
BOUNDS = [0.25, 0.25, math.pi, 0.25, 0.25]


@pytest.fixture(scope="module")
def setting():
    """Group, both networks, images with strokes, and elements for the copies."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    group = build_group("affine", bounds=BOUNDS)
    infer = MLPInference(group, (1, 28, 28))
    generative = GenerativeNetwork(group, (1, 28, 28), edge_slopes=True)
    x = torch.rand(IMAGES, 1, 28, 28).round() * 2 - 1
    return group, infer, generative, x


def draw(group):
    return group.element(group.from_uniform(torch.rand(IMAGES * COPIES, group.dim)))


def inference_loss(setting, precision):
    group, infer, _, x = setting
    first, second = draw(group), draw(group)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        terms = self_supervision(group, infer, x, first, second, invertibility=True)
    return terms.mse + 0.1 * terms.invertibility


def generative_loss(setting, precision, pairs=None):
    group, infer, generative, x = setting
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        with torch.no_grad():
            eta, prototypes = pairs or prototype_pairs(group, infer, x)
        return -generative.log_prob(eta, prototypes).mean()


def prototype_pairs(group, infer, x):
    repeated, drawn = x.repeat_interleave(COPIES, 0), draw(group)
    eta = group.coordinates(infer(x)).repeat_interleave(COPIES, 0)
    back = group.inverse(infer(group.apply(drawn, repeated)))
    return eta, group.apply(group.compose(drawn, back), repeated)


def flow_loss(setting, precision):
    pairs = torch.zeros(IMAGES * COPIES, 5), setting[3].repeat_interleave(COPIES, 0)
    return generative_loss(setting, precision, pairs)


STEPS = {
    "inference": (1, inference_loss),
    "generative": (2, generative_loss),
    "generative, network alone": (2, flow_loss),
}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", STEPS)
def test_step_as_published(name, precision, setting, capsys):
    place, loss = STEPS[name]
    player = setting[place]
    optimiser = torch.optim.AdamW(player.parameters(), 3e-4, weight_decay=1e-4)
    spent = []
    for _ in range(8):
        start = time.process_time()
        optimiser.zero_grad()
        loss(setting, precision).backward()
        nn.utils.clip_grad_norm_(player.parameters(), 2.0)
        optimiser.step()
        spent.append(time.process_time() - start)
    spent = sorted(spent[1:])
    with capsys.disabled():
        print(f"\n{name:<26} {precision}  {spent[0]:.2f} CPU-s min  {spent[3]:.2f} CPU-s median")
