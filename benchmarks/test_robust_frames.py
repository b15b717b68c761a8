"""Wrong turns of frames on corrupted copies of MNIST's first test digits.

Needs MNIST in ``$SYMMETRY_DATA``. Four random copies of each digit are corrupted, each anew; two
frames of copies of one digit differ by a turn that should be 0, and is wrong above 45 degrees.
"""

import math
import os
import time
from pathlib import Path

import pytest
import torch

from symmetry_pl.datamodules.files.mnist_files import mnist_images
from symmetry_pl.groups import AffineGroup
from symmetry_pl.sgm.frames import RobustAffineFrame

ROOT = Path(os.environ.get("SYMMETRY_DATA", "data")) / "mnist"
DIGITS, COPIES, TRAINED = 1000, 4, 4000
ORBITS = {
    "affine": AffineGroup([0.25, 0.25, math.pi, 0.25, 0.25, 0.25]),
    "isometry": AffineGroup([0.22, 0.22, math.pi, 0, 0, 0]),
}
KINDS = (
    *("clean", "noise .05", "noise .1", "noise .2", "noise .3", "salt and pepper"),
    *("light", "grey", "ramp", "added ramp", "vignette"),
)
CELLS = [
    *(("affine", kind) for kind in KINDS),
    *(("isometry", kind) for kind in ("clean", "noise .1", "noise .2", "light")),
]


def digits(file, count):
    images = torch.from_numpy(mnist_images(ROOT, file)[:count].copy())
    return images[:, None].float() / 127.5 - 1


def corrupted(x, kind, generator):
    """Copies ``(B, 1, H, W)``, corrupted on the scale from 0 to 1 and clipped to it."""
    v = (x + 1) / 2
    line = torch.linspace(-1, 1, v.shape[-1])
    down, across = line[:, None], line[None]
    angle, low = torch.rand(2, len(v), 1, 1, 1, generator=generator)
    angle = 2 * math.pi * angle
    ramp = 0.2 * low + 0.25 * (1 + (across * angle.cos() + down * angle.sin()) / math.sqrt(2))
    glow = 0.5 * torch.exp(-(across**2 + down**2) / 1.2)
    uniform = torch.rand(v.shape, generator=generator)
    if kind.startswith("noise"):
        v = v + float(kind.split()[1]) * torch.randn(v.shape, generator=generator)
    v = {
        "salt and pepper": torch.where(uniform < 0.05, (uniform < 0.025).float(), v),
        "light": 1 - v,
        "grey": 0.3 + 0.7 * v,
        "ramp": ramp + (1 - ramp) * v,
        "added ramp": ramp + 0.5 * v,
        "vignette": glow + (1 - glow) * v,
    }.get(kind, v)
    return 2 * v.clamp(0, 1) - 1


def errors(frame, group, x, kind):
    """Turns between copies in radians, the lower confidence of each pair, and CPU-ms an image."""
    generator = torch.Generator().manual_seed(0)
    g = group.sample(COPIES * len(x), generator=generator)
    copies = corrupted(group.apply(g, x.repeat(COPIES, 1, 1, 1)).clamp(-1, 1), kind, generator)
    start = time.process_time()
    found = frame(copies)
    spent = 1000 * (time.process_time() - start) / len(copies)
    linear = (found @ group.inverse(g))[:, :2, :2].view(COPIES, -1, 2, 2).double()
    change = torch.linalg.inv(linear) @ linear.roll(-1, 0)
    sine, cosine = (
        change[..., 1, 0] - change[..., 0, 1],
        change[..., 0, 0] + change[..., 1, 1],
    )
    sure = frame.confidence(copies)
    if sure is not None:
        sure = sure.view(COPIES, -1)
        sure = torch.minimum(sure, sure.roll(-1, 0)).flatten()
    return torch.atan2(sine, cosine).abs().flatten(), sure, spent


def auc(sure, wrong):
    """Probability that a wrong pair is less sure than a right one."""
    rank = sure.double().argsort().argsort().double() + 1
    bad = int(wrong.sum())
    return 1 - float(rank[wrong].sum() - bad * (bad + 1) / 2) / (bad * int((~wrong).sum()))


@pytest.fixture(scope="module")
def frames():
    """Today's frames and robust ones, fitted on the first training digits."""
    torch.set_num_threads(1)
    group = ORBITS["affine"]
    robust = RobustAffineFrame(group, robust=True)
    robust.adopt(digits("train", TRAINED))
    return {"moments": RobustAffineFrame(group, robust=False), "robust": robust}


@pytest.mark.skipif(not ROOT.is_dir(), reason="needs MNIST in $SYMMETRY_DATA")
@pytest.mark.parametrize(("orbit", "kind"), CELLS, ids=lambda value: value)
def test_wrong_turns(orbit, kind, frames, capsys):
    x = digits("test", DIGITS)
    for name, frame in frames.items():
        error, sure, spent = errors(frame, ORBITS[orbit], x, kind)
        wrong = error > math.pi / 4
        said = (
            f"{100 * wrong.float().mean():5.1f} % wrong, median {math.degrees(error.median()):.1f}"
        )
        if sure is not None:
            said += f", AUC {auc(sure, wrong):.3f}"
        with capsys.disabled():
            print(f"\n{orbit} {kind:<16} {name:<8} {said}, {spent:.2f} CPU-ms an image", end="")
