import hashlib
import math

import numpy as np
import pytest
import torch
from scipy.stats import truncnorm

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.datamodules.images import dsprites_files
from symmetry_pl.datamodules.images.dsprites import DSpritesDataModule
from symmetry_pl.datamodules.images.dsprites_factors import (
    FACTORS,
    GRID,
    draw_factors,
    factors_at,
    planted,
    planted_settings,
    setting_numbers,
)
from symmetry_pl.datamodules.images.dsprites_files import read_sprites
from symmetry_pl.datamodules.images.dsprites_renderer import render, render_rows, unpack_rows


def values(shape, name):
    """Values of the grid that can be drawn."""
    return GRID[name][planted(shape)[name] > 0]


def test_planted_densities_are_those_of_the_paper():
    for shape in range(3):
        for name, mass in planted(shape).items():
            assert mass.shape == GRID[name].shape
            assert mass.sum() == pytest.approx(1)
    scale = GRID["scale"]
    for shape, mean, spread, low, high in ((0, 0.75, 0.2, 0.55, 1.0), (1, 0.65, 0.15, 0.5, 0.85)):
        cut = truncnorm((low - mean) / spread, (high - mean) / spread, mean, spread)
        inside = (scale > low - 1e-9) & (scale < high + 1e-9)
        expected = np.where(inside, cut.pdf(np.clip(scale, low, high)), 0)
        assert np.allclose(planted(shape)["scale"], expected / expected.sum())
    assert values(0, "scale").tolist() == pytest.approx([0.6, 0.7, 0.8, 0.9, 1])
    assert values(1, "scale").tolist() == pytest.approx([0.5, 0.6, 0.7, 0.8])
    assert values(2, "scale").tolist() == pytest.approx([0.9, 1])
    assert len(values(0, "orientation")) == 40
    assert values(1, "orientation").max() == pytest.approx(TURN_9)
    assert values(2, "orientation").tolist() == [0]
    assert (values(0, "posX").min(), values(0, "posY").max()) == (16 / 31, 29 / 31)
    assert (values(1, "posX").min(), values(1, "posY").max()) == (4 / 31, 20 / 31)
    assert (values(2, "posX") * 31).round().tolist() == list(range(4, 16))
    halves = [*range(4, 10), *range(22, 28)]
    assert (values(2, "posY") * 31).round().tolist() == halves
    assert np.ptp(planted(2)["posY"][halves]) < 1e-12


TURN_9 = 9 * 2 * math.pi / 39


def test_draws_have_the_planted_distributions():
    positions = draw_factors(counter_uniform(0, 0, range(60_000), 5))
    share = np.bincount(positions[:, 0]) / len(positions)
    assert share == pytest.approx([1 / 3] * 3, abs=0.01)
    for shape in range(3):
        chosen = positions[positions[:, 0] == shape]
        for column, (name, mass) in enumerate(planted(shape).items(), 1):
            found = np.bincount(chosen[:, column], minlength=len(mass)) / len(chosen)
            assert 0.5 * np.abs(found - mass).sum() < 0.025, (shape, name)
            assert (found[mass == 0] == 0).all()
        spread = np.corrcoef(chosen[:, [1, 3, 4]], rowvar=False) - np.eye(3)
        assert np.abs(spread).max() < 0.03
    edges = draw_factors(np.array([[1e-12] * 5, [1 - 1e-12] * 5]))
    assert edges.tolist() == [[0, 1, 0, 16, 16], [2, 5, 0, 15, 27]]


def test_settings_are_all_that_can_be_drawn_in_file_order():
    settings = planted_settings()
    assert len(settings) == 5 * 40 * 14 * 14 + 4 * 10 * 24 * 10 + 2 * 12 * 12
    numbers = setting_numbers(settings)
    assert (np.diff(numbers) > 0).all()
    assert setting_numbers(np.array([[2, 5, 39, 31, 31]])) == 737_279
    assert setting_numbers(np.array([[1, 0, 0, 0, 2]])) == 245_762


def test_batches_are_images_and_their_factors():
    made = DSpritesDataModule(
        source="rendered", batch_size=64, samples_per_epoch=640, eval_samples=100
    )
    made.prepare_data()
    made.setup()
    made.setup()
    batches = list(made.train_dataloader())
    assert len(batches) == 10
    x, y, row = batches[0]
    assert (x.shape, y.shape, y.dtype) == ((64, 1, 64, 64), (64, 5), torch.float32)
    assert row.tolist() == list(range(64))
    positions = draw_factors(counter_uniform(0, 0, row.numpy(), 5))
    assert torch.equal(x, render(torch.from_numpy(factors_at(positions))))
    assert torch.equal(made.split("train").__getitems__([5, 2])[0], x[[5, 2]])
    assert [len(x) for x, _, _ in made.test_dataloader()] == [100]
    assert not torch.equal(made.split("test")[0][1], made.split("val")[0][1])
    assert made.description.x_shape == (1, 64, 64)
    assert made.description.target_names == FACTORS
    assert list(made.colours(x, y))[2] == "orientation [rad]"


def test_a_new_epoch_has_new_draws():
    made = DSpritesDataModule(source="rendered", batch_size=32, samples_per_epoch=64)
    made.setup()
    loader = made.train_dataloader()
    loader.sampler.set_epoch(3)
    rows = torch.cat([row for _, _, row in loader])
    assert rows.tolist() == list(range(192, 256))


@pytest.fixture
def small_file(tmp_path, monkeypatch):
    """The published file of a coarser grid, with marked pixels and a pickle that must stay shut."""
    for name, points in (("scale", 6), ("orientation", 4), ("posX", 8), ("posY", 8)):
        monkeypatch.setitem(GRID, name, np.linspace(GRID[name][0], GRID[name][-1], points))
    sizes = (3, 6, 4, 8, 8)
    positions = np.stack(np.unravel_index(np.arange(math.prod(sizes)), sizes), axis=1)
    images = unpack_rows(render_rows(factors_at(positions)))
    images[:, 0, 0] = 1
    folder = tmp_path / "dsprites"
    folder.mkdir()
    path = folder / dsprites_files._FILE

    def write(**arrays):
        np.savez_compressed(path, **arrays)
        sha1 = hashlib.sha1(path.read_bytes()).hexdigest()
        monkeypatch.setattr(dsprites_files, "_SHA1", sha1)

    write(metadata=np.array({"title": "x"}, dtype=object), imgs=images)
    return path, images, write


def test_the_published_file_is_read_and_its_pickle_is_not(tmp_path, small_file, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("unpickled")

    monkeypatch.setattr("pickle.load", never)
    for source in ("auto", "file"):
        made = DSpritesDataModule(root=str(tmp_path), source=source, batch_size=16)
        made.prepare_data()
        made.setup()
        x, y, _ = made.split("train").__getitems__(range(40))
        assert (x[:, 0, 0, 0] == 1).all()
        again = render(y.double())
        again[:, 0, 0, 0] = 1
        assert (x != again).sum() <= 2  # factors are rounded to float32
        assert made.description.extra == {"source": "published file"}


@pytest.mark.parametrize("chunk", [7, 64, 5000])
def test_images_are_read_in_pieces(small_file, chunk, monkeypatch):
    monkeypatch.setattr(dsprites_files, "_CHUNK", chunk)
    path, images, _ = small_file
    for wanted in ([0], [3, 6, 7, 100, 4607], list(range(0, 4608, 5)), [4607]):
        found = read_sprites(path, np.array(wanted))
        assert np.array_equal(unpack_rows(found), images[wanted])


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path, small_file):
    path, images, write = small_file
    module = DSpritesDataModule(root=str(tmp_path))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"!")
    with pytest.raises(ValueError, match=r"dSprites: .* has sha1 .*, which is not that of"):
        module.prepare_data()
    for arrays, message in (
        ({"imgs": images[:9]}, r"uint8 of shape \(9, 64, 64\), not the images"),
        ({"imgs": images[:9].astype(float)}, "holds float64"),
        ({"images": images}, "is not the published file of dSprites.*imgs"),
    ):
        write(**arrays)
        with pytest.raises(ValueError, match=message):
            module.setup()
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="is not the published file of dSprites"):
        read_sprites(path, np.array([0]))


def test_re_rendered_data_say_so(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("symmetry_pl.datamodules.images.dsprites.rank_zero_info", said.append)
    monkeypatch.setattr(dsprites_files, "_URL", (tmp_path / "no-server").as_uri())
    made = DSpritesDataModule(root=str(tmp_path))
    made.prepare_data()
    made.setup()
    assert said == ["dSprites: re-rendered from its geometry, not the published images"]
    assert made.description.extra == {"source": "re-rendered"}
    strict = DSpritesDataModule(root=str(tmp_path), source="file")
    for refused in (strict.prepare_data, strict.setup):
        with pytest.raises(
            FileNotFoundError, match=r"dSprites: .*npz.*\(sha1 3e0a46a9.*data\.root"
        ):
            refused()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "npz"}, r"data\.source must be auto, file or rendered, got 'npz'"),
        ({"samples_per_epoch": 0}, r"data\.samples_per_epoch must be at least 1"),
        ({"eval_samples": 0}, r"data\.eval_samples must be at least 1"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        DSpritesDataModule(**options)


def test_nothing_works_before_setup():
    made = DSpritesDataModule()
    with pytest.raises(RuntimeError, match=r"call setup\(\)"):
        made.split("train")
    with pytest.raises(RuntimeError, match=r"call setup\(\)"):
        _ = made.description
