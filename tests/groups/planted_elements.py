"""Noisy elements of planted groups, and of sets that are no group, for tests of ``name_group``."""

import math

import torch

from symmetry_pl.groups import axial, cyclic, dihedral, icosahedral, octahedral, tetrahedral
from symmetry_pl.groups.rotations import random_rotations, rotation_angle, rotation_of

KINDS = [*(f"C{n}" for n in range(1, 13)), *(f"D{n}" for n in range(2, 7)),
         "T", "O", "I", "SO(2)", "SO(3)"]  # fmt: skip
NULLS = ["modes", "identity and modes", "subset", "coset", "one missing", "bump", "arc", "patch",
         "wrong angle", "two bumps"]  # fmt: skip
POLYHEDRAL = {"T": tetrahedral, "O": octahedral, "I": icosahedral}


def draws(seed):
    return torch.Generator().manual_seed(seed)


def uniform(low, high, generator):
    return low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))


def integer(low, high, generator):
    return int(torch.randint(low, high + 1, (), generator=generator))


def turned(kind, generator):
    """The group of that name at a random orientation; None for SO(3)."""
    frame = random_rotations(1, 3, generator)[0]
    if kind in POLYHEDRAL:
        return POLYHEDRAL[kind](frame)
    if kind == "SO(2)":
        return axial(frame[:, 2])
    if kind == "SO(3)":
        return None
    return (cyclic if kind[0] == "C" else dihedral)(int(kind[1:])).turned(frame)


def jittered(elements, jitter, generator):
    noise = torch.randn(len(elements), 3, generator=generator, dtype=torch.float64)
    return rotation_of(jitter * noise) @ elements


def planted(seed, outliers=True):
    """Elements of a group, its name, and the group: 500 to 5,000, a jitter of 0 to 0.05 rad.

    Every other run has up to 10 % outliers of the uniform law.
    """
    generator = draws(seed)
    kind = KINDS[seed % len(KINDS)]
    count = round(500 * 10 ** uniform(0, 1, generator))
    group = turned(kind, generator)
    drawn = (
        random_rotations(count, 3, generator)
        if group is None
        else group.sample(count, generator=generator)
    )
    drawn = jittered(drawn, uniform(0, 0.05, generator), generator)
    wrong = round(count * uniform(0, 0.1, generator)) * (outliers and seed // len(KINDS) % 2)
    if wrong:
        drawn[:wrong] = random_rotations(wrong, 3, generator)
    return drawn, kind, group


def is_named(found, kind, group):
    """Whether the name is right, and elements and axes are within 1°."""
    if found.symbol != kind:
        return False
    if group is None:
        return True
    if kind == "SO(2)":
        axis = torch.tensor(found.axes[0].direction, dtype=torch.float64)
        return bool((axis @ group.frame[:, 2]).abs() > math.cos(math.radians(1)))
    found_elements = torch.from_numpy(found.elements)
    off = rotation_angle(group.elements[:, None], found_elements).amin(1)
    return len(found_elements) == group.order and float(off.max()) < math.radians(1)


def null(seed):
    """Elements of a set that is no group, and its kind."""
    generator = draws(10_000 + seed)
    kind = NULLS[seed % len(NULLS)]
    count = round(500 * 10 ** uniform(0, 1, generator))
    jitter = uniform(0, 0.05, generator)
    one = torch.eye(3, dtype=torch.float64)
    if kind in ("bump", "two bumps"):
        centres = random_rotations(2, 3, generator)[: 1 + (kind == "two bumps")]
        if uniform(0, 1, generator) < 0.5:
            centres[0] = one
        jitter = uniform(0.3, 0.7, generator)
    elif kind == "patch":
        drawn = random_rotations(20 * count, 3, generator)
        near = rotation_angle(drawn, one) < uniform(0.8, 1.8, generator)
        return drawn[near][:count], kind
    elif kind == "arc":
        angles = uniform(1, 4.5, generator) * torch.rand(count, 1, generator=generator)
        frame = random_rotations(1, 3, generator)[0]
        arc = rotation_of(torch.nn.functional.pad(angles.double(), (2, 0)))
        return jittered(frame @ arc @ frame.mT, jitter, generator), kind
    elif kind == "wrong angle":
        axis = random_rotations(1, 3, generator)[0][:, 0]
        alpha = 2 * math.pi * (uniform(0.05, 0.09, generator) + 1 / 3)
        centres = rotation_of(alpha * torch.arange(3, dtype=torch.float64)[:, None] * axis)
    elif kind in ("modes", "identity and modes"):
        centres = random_rotations(integer(2, 8, generator), 3, generator)
        if kind == "identity and modes":
            centres[0] = one
    else:
        group = turned(["C5", "C6", "C8", "D3", "D5", "T", "O", "I"][integer(0, 7, generator)],
                       generator)  # fmt: skip
        centres = group.elements
        if kind == "coset":
            centres = centres @ random_rotations(1, 3, generator)[0]
        else:
            order = torch.randperm(len(centres) - 1, generator=generator) + 1
            most = len(centres) - 2 if kind == "one missing" else integer(1, 4, generator)
            if kind == "one missing" and len(centres) == 60:
                most = 50
            centres = torch.cat([one[None], centres[order[:most]]])
            if kind == "subset" and is_closed(centres):
                return null(seed + 1000 * len(NULLS))
    drawn = centres[torch.randint(len(centres), (count,), generator=generator)]
    return jittered(drawn, jitter, generator), kind


def is_closed(elements):
    products = (elements[:, None] @ elements).flatten(0, 1)
    return bool((rotation_angle(products[:, None], elements).amin(1) < 0.01).all())


def is_false_group(found):
    return found.is_group and found.order > 1
