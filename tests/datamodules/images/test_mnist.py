import colorsys
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from symmetry_pl.datamodules.images.mnist import MNISTDataModule, rotate

REAL = Path(os.environ.get("SYMMETRY_DATA") or "absent") / "mnist"


def module(tmp_path, **options):
    made = MNISTDataModule(root=str(tmp_path), batch_size=8, **options)
    made.prepare_data()
    made.setup()
    return made


def everything(dataset):
    return dataset.__getitems__(range(len(dataset)))


def test_sets_are_the_published_ones(tmp_path, fake_mnist):
    made = module(tmp_path, max_rotation=0)
    pixels = torch.from_numpy(fake_mnist["train"]).double().div(127.5).sub(1).float()
    for name, first, last in (("train", 0, 40), ("val", 40, 48)):
        x, y, rows = everything(made.split(name))
        assert torch.allclose(x[:, 0], pixels[first:last], atol=1e-6)
        assert rows.tolist() == list(range(first, last))
        assert y[:, 0].tolist() == [i % 10 for i in range(first, last)]
    x, y, rows = everything(made.split("test"))
    assert (x.shape, y.shape, y.dtype) == ((12, 1, 28, 28), (12, 1), torch.float32)
    assert rows.tolist() == list(range(12))
    assert made.description.kind == "image"
    assert made.description.x_shape == (1, 28, 28)
    assert made.description.target_names == ("digit",)


def test_batches_are_shuffled_and_dealt_once(tmp_path, fake_mnist):
    made = module(tmp_path)
    batches = list(made.train_dataloader())
    assert [x.shape for x, _, _ in batches] == [(8, 1, 28, 28)] * 5
    rows = torch.cat([r for _, _, r in batches]).tolist()
    assert sorted(rows) == list(range(40))
    assert rows != sorted(rows)
    assert [len(x) for x, _, _ in made.predict_dataloader()] == [12]


def test_every_image_is_turned_by_an_angle_of_its_own(tmp_path, fake_mnist):
    made = module(tmp_path)
    rows = np.arange(40)
    angles = made.angles("train", rows)
    assert np.abs(angles).max() < 15
    assert angles.std() == pytest.approx(15 / 3**0.5, rel=0.25)
    assert not np.isin(made.angles("test", rows), angles).any()
    x = everything(made.split("train"))[0]
    again = module(tmp_path, num_train=20).split("train")
    assert torch.equal(everything(again)[0], x[:20])
    third = module(tmp_path, digits=[3]).split("train")
    assert torch.equal(everything(third)[0], x[3::10])
    other = MNISTDataModule(root=str(tmp_path), split_seed=1)
    assert not np.isin(other.angles("train", rows), angles).any()


@pytest.mark.parametrize("side", [28, 41])
def test_rotation_is_bilinear_anticlockwise_and_black_outside(side):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (5, side, side), generator=generator).byte()
    degrees = torch.tensor([0.0, 90.0, -30.0, 12.3, 180.0])
    made = rotate(images, degrees)
    assert torch.equal(made[0], images[0])
    assert torch.equal(made[1], images[1].rot90())
    assert torch.equal(made[4], images[4].flip(0, 1))
    offset = (np.mgrid[:side, :side] - (side - 1) / 2).reshape(2, -1)
    for i in (2, 3):
        angle = np.deg2rad(degrees[i].item())
        y, x = offset
        source = np.stack(
            [np.sin(angle) * x + np.cos(angle) * y, np.cos(angle) * x - np.sin(angle) * y]
        )
        padded = np.pad(images[i].numpy().astype(float), 1)
        expected = map_coordinates(padded, source + (side - 1) / 2 + 1, order=1)
        assert np.abs(made[i].numpy().ravel() - expected).max() <= 0.51


def test_a_canvas_is_padded_before_images_are_turned(tmp_path, fake_mnist):
    x = everything(module(tmp_path, canvas=41, max_rotation=0).split("test"))[0]
    assert x.shape == (12, 1, 41, 41)
    small = everything(module(tmp_path, max_rotation=0).split("test"))[0]
    assert torch.equal(x[:, :, 6:34, 6:34], small)
    assert (x + 1).sum() == pytest.approx((small + 1).sum().item())
    wide = module(tmp_path, canvas=41, max_rotation=180)
    turned = everything(wide.split("test"))[0]
    assert (turned + 1).mean() == pytest.approx((x + 1).mean().item(), rel=0.02)


def test_colours_are_red_of_another_hue_and_saturation(tmp_path, fake_mnist):
    made = module(tmp_path, experiment="color")
    assert made.description.x_shape == (3, 28, 28)
    x, _, rows = everything(made.split("train"))
    hue, saturation = made.hue_saturation("train", rows.numpy())
    assert 0 < hue.min() < 0.05
    assert 0.25 < hue.max() < 0.3
    assert 0.6 < saturation.min() < 0.65
    assert 0.85 < saturation.max() < 0.9
    for i in (0, 7, 23):
        value = fake_mnist["train"][i] / 255
        row, column = np.unravel_index(value.argmax(), value.shape)
        expected = colorsys.hsv_to_rgb(hue[i], saturation[i], value[row, column])
        assert (x[i, :, row, column] / 2 + 0.5).tolist() == pytest.approx(expected, abs=1e-6)
        assert (x[i, :, value == 0] == -1).all()
    turned = module(tmp_path, experiment="color", max_rotation=90).split("train")
    assert not torch.equal(everything(turned)[0], x)


def test_digits_and_limits(tmp_path, fake_mnist):
    made = module(tmp_path, digits=[1, 4], num_train=5, eval_samples=2)
    assert made.split("train").y[:, 0].tolist() == [1, 4, 1, 4, 1]
    assert made.split("test").rows.tolist() == [1, 4]
    with pytest.raises(ValueError, match=r"num_train is 9, but the train set has 8 images"):
        module(tmp_path, digits=[1, 4], num_train=9).split("train")
    with pytest.raises(ValueError, match=r"eval_samples is 3, but the val set has 2 images"):
        module(tmp_path, digits=[1, 4], eval_samples=3).split("val")
    with pytest.raises(ValueError, match=r"val set has no image of data\.digits=\[9\]"):
        module(tmp_path, digits=[9]).split("val")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"experiment": "colour"}, r"data\.experiment must be affine or color, got 'colour'"),
        ({"max_rotation": 181}, r"data\.max_rotation must be 0 to 180 degrees"),
        ({"max_rotation": float("nan")}, r"data\.max_rotation must be 0 to 180 degrees"),
        ({"num_train": 0}, r"data\.num_train must be at least 1"),
        ({"eval_samples": 0}, r"data\.eval_samples must be at least 1"),
        ({"canvas": 27}, r"data\.canvas must be at least 28"),
        ({"digits": []}, r"data\.digits must be among 0 to 9"),
        ({"digits": [10]}, r"data\.digits must be among 0 to 9, got \[10\]"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        MNISTDataModule(**options)


def test_absent_files_are_refused(tmp_path, fake_mnist):
    with pytest.raises(FileNotFoundError, match=r"MNIST: train-images.*data\.root"):
        MNISTDataModule(root=str(tmp_path / "empty")).prepare_data()


@pytest.mark.skipif(not REAL.is_dir(), reason="needs $SYMMETRY_DATA/mnist")
def test_the_real_digits():
    made = MNISTDataModule(max_rotation=0, eval_samples=2000)
    assert len(made.split("val")) == 2000
    assert made.split("val").rows[0] == 50_000
    train = made.split("train")
    assert len(train) == 50_000
    assert train.y.long().flatten().bincount()[:3].tolist() == [4932, 5678, 4968]
