import gzip
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_mnist import idx_bytes
from torch.nn.functional import grid_sample

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.datamodules.files import mnist_files
from symmetry_pl.datamodules.files.mnist_files import (
    mnist_file,
    mnist_images,
    mnist_labels,
    read_idx,
)
from symmetry_pl.datamodules.vectors.mnist_slices import MNISTSlicesDataModule, slices

RNG = np.random.default_rng(0)
REAL = Path(os.environ.get("SYMMETRY_DATA") or "absent") / "mnist"


@pytest.mark.parametrize("shape", [(3, 28, 28), (7,), (2, 3, 4, 5), (0, 28, 28)])
@pytest.mark.parametrize("compressed", [False, True])
def test_idx_files_are_read(tmp_path, shape, compressed):
    values = RNG.integers(0, 256, shape).astype(np.uint8)
    data = idx_bytes(values)
    (tmp_path / "f").write_bytes(gzip.compress(data) if compressed else data)
    assert np.array_equal(read_idx(tmp_path / "f"), values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"\0\0\x0d\x01" + b"\0" * 8, "not an IDX file of unsigned bytes"),
        (b"P5 28 28", "not an IDX file"),
        (idx_bytes(np.zeros((2, 3)))[:-1], r"shape \(2, 3\), but has 5 bytes .* damaged"),
        (idx_bytes(np.zeros((2, 3))) + b"\0", r"but has 7 bytes"),
        (b"\0\0\x08\x03\0\0\0\x02", "damaged"),
        (gzip.compress(idx_bytes(np.zeros((2, 3))), mtime=0)[:20], "damaged gzip file"),
        (b"\x1f\x8b rubbish", "damaged gzip file"),
    ],
)
def test_files_that_are_not_idx_are_refused(tmp_path, content, message):
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_idx(tmp_path / "f")


def test_files_are_found_verified_and_refused(tmp_path, fake_mnist):
    assert np.array_equal(mnist_images(tmp_path, "train"), fake_mnist["train"])
    assert mnist_labels(tmp_path / "mnist", "test").tolist() == [i % 10 for i in range(12)]
    name = mnist_files.FILES["test", "images"].name
    raw = tmp_path / "torchvision" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / name).write_bytes(idx_bytes(fake_mnist["test"]))
    assert mnist_file(tmp_path / "torchvision", "test") == raw / name
    (raw / name).write_bytes(idx_bytes(fake_mnist["train"]))
    with pytest.raises(ValueError, match=r"MNIST: .*t10k-images.* has sha256"):
        mnist_file(tmp_path / "torchvision", "test")
    with pytest.raises(FileNotFoundError, match=r"MNIST: train-images.*data\.root"):
        MNISTSlicesDataModule(root=str(tmp_path / "empty")).prepare_data()


@pytest.mark.parametrize("rows", ["random", "center"])
@pytest.mark.parametrize("dim", [27, 10])
def test_slices_are_bilinear_samples_of_the_widened_image(rows, dim):
    images = RNG.integers(0, 256, (5, 28, 28)).astype(np.uint8)
    uniform = counter_uniform(0, 0, range(200), 3)
    uniform[0, 1], uniform[1, 1] = 1e-12, 1 - 1e-12
    uniform[2, 2], uniform[3, 2] = 1e-12, 1 - 1e-12
    made = slices(images, uniform, dim, rows)
    wide = np.pad(images / 255, ((0, 0), (0, 0), (28, 28)))[(uniform[:, 0] * 5).astype(int)]
    start = uniform[:, 1:2] * (1 - dim / 84)
    x = start + np.linspace(0, dim / 84, dim)  # of the width 83 of the pixel centres
    y = np.broadcast_to(uniform[:, 2:3] if rows == "random" else 0.5, x.shape)
    grid = torch.from_numpy(np.stack([2 * x - 1, 2 * y - 1], -1))[:, None]
    expected = grid_sample(torch.from_numpy(wide)[:, None], grid, align_corners=True)
    assert np.abs(made - expected[:, 0, 0].numpy()).max() < 1e-9
    assert made.max() > 0.5


def test_neighbouring_pixels_are_the_published_distance_apart():
    ramp = np.broadcast_to(np.arange(28, dtype=np.uint8), (1, 28, 28))
    inside = slices(ramp, np.array([[0.5, 0.5, 0.5]]), 27)[0]
    steps = np.diff(inside)[:-1] * 255
    assert np.allclose(steps, 27 / 84 * 83 / 26)
    assert steps == pytest.approx(1.026, abs=5e-4)


def test_center_is_the_mean_of_the_two_middle_rows():
    images = RNG.integers(1, 256, (1, 28, 28)).astype(np.uint8)
    middle = images[:, 13:15].mean(1, keepdims=True).repeat(28, axis=1)
    uniform = counter_uniform(0, 0, range(20), 3)
    exact = slices(images.astype(float), uniform, 27, "center")
    assert np.allclose(exact, slices(middle, uniform, 27, "center"))


@pytest.mark.parametrize("rows", ["random", "center"])
def test_batches_are_scaled_slices_none_of_them_blank(tmp_path, fake_mnist, rows):
    module = MNISTSlicesDataModule(
        root=str(tmp_path), rows=rows, samples=500, eval_samples=200, batch_size=100
    )
    module.prepare_data()
    module.setup()
    batches = list(module.train_dataloader())
    assert [x.shape for x, _, _ in batches] == [(100, 27)] * 5
    assert batches[0][1].shape == (100, 0)
    assert sorted(torch.cat([r for _, _, r in batches]).tolist()) == list(range(500))
    for split in ("train", "val", "test"):
        x = module.split(split).x
        assert x.max(1)[0].min() > 1e-6
        assert x.min() >= 0
        assert 0.6 < x.std() < 1.6
    assert module.description.extra["ideal_name"] == "unit shift of 27 pixels"
    assert module.description.extra["ideal_basis"] == np.eye(27).tolist()


def test_columns_are_the_rows_of_images_on_their_side(tmp_path, fake_mnist):
    given = {"root": str(tmp_path), "samples": 50, "eval_samples": 50, "batch_size": 50}
    rows, columns = (MNISTSlicesDataModule(along=a, **given) for a in ("rows", "columns"))
    for module in (rows, columns):
        module.prepare_data()
        module.setup()
    assert not torch.equal(rows.split("train").x, columns.split("train").x)
    rows._images = {name: x.transpose(0, 2, 1) for name, x in rows._images.items()}
    rows._scale = columns._scale
    assert np.array_equal(rows.raw("test", np.arange(50)), columns.raw("test", np.arange(50)))


def test_splits_come_from_different_images(tmp_path, monkeypatch):
    marked = [np.full((24, 28, 28), 10), np.full((12, 28, 28), 200)]
    marked[0][22:] = 100
    monkeypatch.setattr(
        "symmetry_pl.datamodules.vectors.mnist_slices.mnist_images",
        lambda root, split: marked[split == "test"].astype(np.uint8),
    )
    module = MNISTSlicesDataModule(samples=300, eval_samples=300)
    module.setup()
    peaks = [module.split(name).x.max().item() for name in ("train", "val", "test")]
    assert np.allclose(np.array(peaks) / peaks[0], [1, 10, 20], rtol=1e-5)


def test_slices_do_not_depend_on_their_neighbours_or_on_options(tmp_path, fake_mnist):
    def module(**options):
        made = MNISTSlicesDataModule(root=str(tmp_path), dtype="float64", **options)
        made.setup()
        return made

    few, many = module(samples=20), module(samples=5000)
    assert torch.equal(few.training_inputs(), many.training_inputs(20))
    order = np.array([19, 3, 3, 12])
    assert np.array_equal(many.raw("train", order), few.training_inputs()[order])
    other = module(samples=20, split_seed=1)
    assert not torch.allclose(other.training_inputs(), few.training_inputs())
    assert other._scale == few._scale
    hidden = module(samples=20, transform="random_orthogonal")
    basis = torch.tensor(hidden.description.extra["ideal_basis"], dtype=torch.float64)
    assert torch.allclose(hidden.training_inputs() @ basis.T, few.training_inputs())


def test_blank_images_are_refused(monkeypatch):
    monkeypatch.setattr(
        "symmetry_pl.datamodules.vectors.mnist_slices.mnist_images",
        lambda root, split: np.zeros((12, 28, 28), np.uint8),
    )
    monkeypatch.setattr("symmetry_pl.datamodules.vectors.mnist_slices._REFERENCE", 4)
    monkeypatch.setattr("symmetry_pl.datamodules.vectors.mnist_slices._ATTEMPTS", 10)
    with pytest.raises(ValueError, match=r"train images of MNIST in data\.root are blank"):
        MNISTSlicesDataModule().setup()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 85}, r"data\.dim must be at most 84"),
        ({"dim": 2}, r"data\.dim must be at least 3"),
        ({"rows": "all"}, r"data\.rows must be random or center, got 'all'"),
        ({"noise": -1.0}, r"data\.noise must be at least 0"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        MNISTSlicesDataModule(**options)


@pytest.mark.skipif(not REAL.is_dir(), reason="needs $SYMMETRY_DATA/mnist")
def test_the_real_digits():
    train, labels = mnist_images(None, "train"), mnist_labels(None, "train")
    assert train.shape == (60_000, 28, 28)
    assert mnist_images(None, "test").shape == (10_000, 28, 28)
    assert np.bincount(labels).tolist()[:3] == [5923, 6742, 5958]
    assert train.mean() / 255 == pytest.approx(0.13066, abs=1e-5)
    uniform = counter_uniform(0, 0, range(20_000), 3)
    share = [(slices(train, uniform, 27, r).max(1) <= 1e-6).mean() for r in ("random", "center")]
    assert share == pytest.approx([0.49, 0.31], abs=0.02)
