"""MNIST files of a few made-up images, for tests without a network."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from symmetry_pl.datamodules.files import mnist_files
from symmetry_pl.datamodules.files.mnist_files import IdxFile


def idx_bytes(values):
    header = b"\0\0\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.astype(np.uint8).tobytes()


def blobs(count, rng):
    """Images with one bright blob somewhere, black around it."""
    images = np.zeros((count, 28, 28), np.uint8)
    for image in images:
        y, x = rng.integers(4, 18, 2)
        image[y : y + 6, x : x + 6] = rng.integers(1, 256, (6, 6))
    return images


@pytest.fixture
def fake_mnist(tmp_path, monkeypatch):
    """A tiny data set with the names of MNIST's files; returns its images."""
    return write_mnist(tmp_path, monkeypatch)


def write_mnist(root, monkeypatch):
    """The files below ``root``, and a patch that has them pass for the published ones."""
    rng = np.random.default_rng(0)  # of its own: tests must not depend on their order
    made = {"train": blobs(48, rng), "test": blobs(12, rng)}
    folder = root / "mnist"
    folder.mkdir()
    for (split, content), (name, _) in list(mnist_files.FILES.items()):
        values = made[split] if content == "images" else np.arange(len(made[split])) % 10
        data = idx_bytes(values)
        (folder / f"{name}.gz").write_bytes(gzip.compress(data))
        known = IdxFile(name, hashlib.sha256(data).hexdigest())
        monkeypatch.setitem(mnist_files.FILES, (split, content), known)
    monkeypatch.setattr("symmetry_pl.datamodules.vectors.mnist_slices._REFERENCE", 4096)
    monkeypatch.setattr(mnist_files, "_URL", (root / "no-server").as_uri() + "/")
    return made
