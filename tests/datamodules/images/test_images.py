import warnings
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules.images.images import ImagesDataModule

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (20, 6, 5)).astype(np.uint8)
GREY[:, [0, -1]], GREY[:, :, [0, -1]] = 0, 0
COLOUR = RNG.integers(0, 200, (20, 6, 5, 3)).astype(np.uint8)


def saved(folder, images, name="{:02d}.png"):
    for i, image in enumerate(images):
        path = folder / name.format(i)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return str(folder)


def stored(tmp_path, array, name="a.npy"):
    np.save(tmp_path / name, array)
    return str(tmp_path / name)


def made(path, **options):
    module = ImagesDataModule(path=path, **{"batch_size": 4, **options})
    module.prepare_data()
    module.setup()
    module.setup()
    return module


def pixels(module):
    """All usable images in order, 0 … 255, channels last."""
    data = module.split("all")
    x, y, rows = data.__getitems__(range(len(data)))
    assert y.shape == (len(data), 0)
    return ((x.permute(0, 2, 3, 1) + 1) * 127.5).numpy(), rows.tolist()


@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "rgb"])
def test_folder_and_array_give_the_same_images(tmp_path, images):
    channels = 1 if images.ndim == 3 else 3
    for path in (saved(tmp_path / "f", images), stored(tmp_path, images)):
        module = made(path)
        assert module.description.x_shape == (channels, 6, 5)
        assert module.description.kind == "image"
        found, rows = pixels(module)
        assert np.abs(found - images.reshape(20, 6, 5, channels)).max() < 1e-4
        assert rows == list(range(20))


def test_sets_are_cut_at_random_and_apart(tmp_path):
    module = made(saved(tmp_path / "f", GREY), val_fraction=0.2, test_fraction=0.25)
    rows = {name: module.split(name).index.tolist() for name in ("train", "val", "test")}
    assert [len(r) for r in rows.values()] == [11, 4, 5]
    assert sorted(chain(*rows.values())) == list(range(20))
    other = made(str(tmp_path / "f"), val_fraction=0.2, test_fraction=0.25, split_seed=1)
    assert other.split("test").index.tolist() != rows["test"]
    batches = list(module.train_dataloader())
    assert [len(x) for x, _, _ in batches] == [4, 4]
    assert set(torch.cat([r for _, _, r in batches]).tolist()) < set(rows["train"])
    assert module.split("train").images.data_ptr() == module.split("test").images.data_ptr()
    assert torch.cat([r for _, _, r in module.predict_dataloader()]).tolist() == list(range(20))


def test_folders_are_searched_in_order_of_names(tmp_path):
    saved(tmp_path / "f", GREY[:10], "b/{:02d}.PNG")
    saved(tmp_path / "f", GREY[10:], "a/{:02d}.bmp")
    (tmp_path / "f" / "notes.txt").write_text("not an image")
    (tmp_path / "f" / ".hidden.png").write_text("not an image")
    module = made("f", root=str(tmp_path))
    assert module.names[0] == "a/00.bmp"
    assert module.names[-1] == "b/09.PNG"
    assert np.abs(pixels(module)[0][0, :, :, 0] - GREY[10]).max() < 1e-4


def test_channels_are_converted_on_demand(tmp_path):
    luma = COLOUR @ np.array([0.299, 0.587, 0.114])
    for path in (saved(tmp_path / "c", COLOUR), stored(tmp_path, COLOUR)):
        module = made(path, channels="grey")
        assert module.description.x_shape == (1, 6, 5)
        assert np.abs(pixels(module)[0][..., 0] - luma).max() < 1.01
    floats = made(stored(tmp_path, COLOUR / 255.0), channels="grey")
    assert np.abs(pixels(floats)[0][..., 0] - luma).max() < 1e-3
    for path in (saved(tmp_path / "g", GREY), stored(tmp_path, GREY)):
        module = made(path, channels="rgb")
        assert np.abs(pixels(module)[0] - GREY[..., None]).max() < 1e-4
        assert module.description.x_shape == (3, 6, 5)
    mixed = tmp_path / "m"
    saved(mixed, GREY, "g{}.png")
    saved(mixed, COLOUR, "c{}.png")
    assert made(str(mixed)).description.x_shape == (3, 6, 5)


def test_palettes_transparency_and_orientation_are_honoured(tmp_path):
    folder = tmp_path / "f"
    saved(folder, COLOUR[:10])
    front = np.dstack([COLOUR[0], np.zeros((6, 5), np.uint8)])
    front[2, 2, 3] = 255
    Image.fromarray(front).save(folder / "x.png")
    palette = Image.fromarray(COLOUR[0]).quantize(256)
    palette.save(folder / "y.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    Image.fromarray(COLOUR[0].swapaxes(0, 1)).save(folder / "z.png", exif=exif)
    found = pixels(made(str(folder)))[0]
    assert (found[10].sum(-1) > 0.01).sum() == 1
    assert np.allclose(found[10, 2, 2], COLOUR[0, 2, 2], atol=1e-3)
    assert np.abs(found[11] - COLOUR[0]).mean() < 20
    assert np.allclose(found[12], np.rot90(COLOUR[0].swapaxes(0, 1), -1), atol=1e-3)


def test_images_are_stretched_on_demand(tmp_path):
    folder = tmp_path / "f"
    big = GREY.repeat(2, 1).repeat(4, 2)
    saved(folder, GREY[:10], "a{}.png")
    saved(folder, big[10:], "b{}.png")
    found = pixels(made(str(folder), resize=[6, 5]))[0][..., 0]
    assert np.allclose(found[:10], GREY[:10], atol=1e-3)
    size = Image.Resampling.BILINEAR
    expected = [np.asarray(Image.fromarray(image).resize((5, 6), size)) for image in big[10:]]
    assert np.allclose(found[10:], expected, atol=1.01)
    array = made(stored(tmp_path, big), resize=[6, 5])
    assert np.allclose(pixels(array)[0][10:, :, :, 0], found[10:], atol=1.01)
    floats = made(stored(tmp_path, big / 255.0), resize=[12, 10])
    assert floats.description.x_shape == (1, 12, 10)


@pytest.mark.parametrize(
    ("array", "options", "black", "white"),
    [
        (GREY / 255, {}, 0, 1),
        ((GREY / 255).astype(np.float32), {}, 0, 1),
        (GREY / 100 - 0.3, {"value_range": [-0.3, 2.3]}, -0.3, 2.3),
        ((GREY % 5).astype(np.uint8), {"value_range": [0, 5]}, 0, 5),
        (GREY, {"value_range": [0, 300]}, 0, 300),
        ((GREY > 128), {}, 0, 1),
        ((GREY > 128).astype(np.uint8), {"value_range": [0, 1]}, 0, 1),
        ((0.7 * (GREY > 128)).astype(np.float32), {"value_range": [0, 0.7]}, 0, 0.7),
        ((0.7 * (GREY > 128)).astype(np.float16), {"value_range": [0, 0.7]}, 0, 0.7),
    ],
    ids=str.split("float64 float32 range five wide truth bits rounded half"),
)
def test_values_are_scaled_from_black_to_white(tmp_path, array, options, black, white):
    found = pixels(made(stored(tmp_path, array), **options))[0][..., 0]
    expected = (array.astype(float) - black) / (white - black) * 255
    assert np.abs(found - expected).max() < 0.1
    assert found.max() <= 255.0001


def test_one_array_of_several(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=GREY, labels=np.arange(20))
    assert len(pixels(made(str(path), key="x"))[1]) == 20
    with pytest.raises(ValueError, match=r"data\.key is null, but must be one of x, labels"):
        made(str(path))
    np.savez(path, x=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="objects that need unpickling are never loaded"):
        made(str(path))


def test_dark_shapes_on_bright_ground(tmp_path):
    path = stored(tmp_path, 255 - GREY)
    with pytest.warns(UserWarning, match=r"bright ground.*set data\.invert to true"):
        made(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pixels(made(path, invert=True))[0][..., 0]
        floats = pixels(made(stored(tmp_path, 1 - GREY / 255.0), invert=True))[0][..., 0]
    assert np.allclose(found, GREY, atol=1e-3)
    assert np.allclose(floats, GREY, atol=1e-3)
    with pytest.warns(UserWarning, match=r"set data\.invert to false"):
        made(stored(tmp_path, GREY), invert=True)


def test_images_of_different_sizes_are_refused(tmp_path):
    folder = saved(tmp_path / "f", GREY)
    Image.fromarray(GREY[0].T.copy()).save(tmp_path / "f" / "odd.png")
    with pytest.raises(ValueError) as refusal:  # noqa: PT011
        made(folder)
    assert str(refusal.value) == (
        f"{folder}: images must be of one size, but 00.png is 5 × 6 and odd.png is 6 × 5 "
        "(width × height): set data.resize to [height, width]"
    )


def spoil(folder):
    """A folder with one image of each kind that cannot be used."""
    saved(folder, GREY)
    (folder / "03.png").write_bytes((folder / "03.png").read_bytes()[:60])
    (folder / "05.png").write_text("no image")
    Image.fromarray(np.zeros((6, 5), np.uint8)).save(folder / "07.png")
    Image.fromarray(GREY[0].astype(np.uint16) * 257).save(folder / "09.png")
    frames = [Image.fromarray(image) for image in GREY[:2]]
    frames[0].save(folder / "film.gif", save_all=True, append_images=frames[1:])


def test_unusable_files_are_named_or_dropped(tmp_path):
    spoil(tmp_path / "f")
    with pytest.raises(ValueError, match=r"f: 5 of 21 images cannot be used \(03\.png") as refusal:
        made(str(tmp_path / "f"))
    message = str(refusal.value)
    assert "\n" not in message
    assert "05.png cannot be read (" in message
    assert "07.png is all of one value and 2 more): set data.on_invalid to drop" in message
    with pytest.warns(UserWarning, match=r"5 of 21 images cannot be used.*left out"):
        module = made(str(tmp_path / "f"), on_invalid="drop")
    found, rows = pixels(module)
    assert rows == [i for i in range(20) if i not in (3, 5, 7, 9)]
    assert np.allclose(found[..., 0], GREY[rows], atol=1e-3)
    bad = {row.text: row.reason for row in module.bad_rows}
    assert list(bad) == ["03.png", "05.png", "07.png", "09.png", "film.gif"]
    assert "more than 8 bits (mode I;16)" in bad["09.png"]
    assert bad["film.gif"] == "holds more than one picture"


def test_unusable_images_of_an_array_are_named_or_dropped(tmp_path):
    array = GREY / 255.0
    array[2, 3, 3], array[4, 0, 0], array[5] = np.nan, 1.5, 0.25
    path = stored(tmp_path, array)
    expected = (
        r"3 of 20 images cannot be used \(image 2 has missing or infinite values, image 4 has "
        r"values from 0 to 1\.5, outside data\.value_range=\[0, 1\], image 5 is all of one value\)"
    )
    with pytest.raises(ValueError, match=expected):
        made(path)
    with pytest.warns(UserWarning, match="3 of 20"):
        module = made(path, on_invalid="drop")
    assert pixels(module)[1] == [i for i in range(20) if i not in (2, 4, 5)]
    array[:] = np.inf
    with pytest.raises(ValueError, match=r"20 of 20 .*and 17 more.*: no image is left"):
        made(stored(tmp_path, array), on_invalid="drop")
    array = (GREY % 5).astype(np.uint8)
    array[1, 1, 1] = 200
    with pytest.raises(ValueError, match=r"image 1 has values from 0 to 200, outside .*\[0, 5\]"):
        made(stored(tmp_path, array), value_range=[0, 5])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (GREY[0], r"has shape \(6, 5\), but images must be \(N, height, width\)"),
        (GREY[:0], r"has shape \(0, 6, 5\), but images must be"),
        (COLOUR.transpose(0, 3, 1, 2), r"shape \(20, 3, 6, 5\), .* 1 or 3 channels last"),
        (GREY.astype(int), "holds int64, but images must be bytes"),
        (GREY.astype(complex), "holds complex128, but images must be bytes"),
        ((GREY > 128).astype(np.uint8), r"no byte above 1: set data\.value_range to \[0, 1\]"),
        (GREY.astype(float), r"20 of 20 .* values from 0 to \d+, outside data\.value_range"),
        (GREY[:2], r"the val set is empty: .*a\.npy has only 2 usable images for data\.val_frac"),
    ],
    ids=str.split("plane empty first int complex bits scale few"),
)
def test_arrays_that_are_no_images_are_one_sentence(tmp_path, array, message):
    with pytest.raises(ValueError, match=message):
        made(stored(tmp_path, array))


def test_what_is_not_there_is_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.txt").write_text("")
    with pytest.raises(ValueError, match=r"empty, which has no image files \(\.bmp, .*\.webp\)"):
        made(str(tmp_path / "empty"))
    with pytest.raises(FileNotFoundError, match=r"data\.path is 'absent', but there is no such"):
        made("absent")
    with pytest.raises(ValueError, match=r"must be a folder, a \.npy or a \.npz file"):
        made(str(tmp_path / "empty" / "a.txt"))
    folder = saved(tmp_path / "f", GREY)
    for option in ({"key": "x"}, {"value_range": [0, 1]}):
        with pytest.raises(ValueError, match=rf"data\.{next(iter(option))} is for arrays, but"):
            made(folder, **option)
    with pytest.raises(RuntimeError, match=r"call setup\(\)"):
        _ = ImagesDataModule(path=folder).description


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"value_range": [1, 0]}, r"data\.value_range must be \[black, white\], ascending"),
        ({"value_range": [0, float("inf")]}, r"data\.value_range must be"),
        ({"value_range": [0]}, r"data\.value_range must be"),
        ({"resize": [28]}, r"data\.resize must be \[height, width\], 2 at least, got \[28\]"),
        ({"resize": [28, 0]}, r"data\.resize must be"),
        ({"channels": "gray"}, r"data\.channels must be auto, grey or rgb, got 'gray'"),
        ({"on_invalid": "skip"}, r"data\.on_invalid must be raise or drop"),
        ({"val_fraction": 0}, r"data\.val_fraction must lie between 0 and 1"),
        ({"val_fraction": 0.5, "test_fraction": 0.5}, "leave nothing to train on"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        ImagesDataModule(path="x", **options)


def test_images_in_memory_are_those_of_a_file(tmp_path):
    options = {"batch_size": 4, "split_seed": 3}
    file = ImagesDataModule(str(stored(tmp_path, GREY)), **options)
    memory = ImagesDataModule.from_arrays(GREY, **options)
    for data in (file, memory):
        data.setup()
    assert memory.description == file.description
    for one, other in zip(memory.test_dataloader(), file.test_dataloader(), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_images_in_memory_may_have_targets():
    brightness = GREY.mean((1, 2))
    data = ImagesDataModule.from_arrays(
        torch.from_numpy(GREY), brightness, ["brightness"], ["cd"], batch_size=4
    )
    data.setup()
    train = data.split("train")
    _, y, rows = train.__getitems__(range(len(train)))
    assert y.mean().abs() < 1e-6
    assert float(y.std(unbiased=False)) == pytest.approx(1)
    assert data.description.metric_names() == ["mae_brightness_cd"]
    physical = y[:, 0] * data.description.target_scale[0] + data.description.target_mean[0]
    assert physical.numpy() == pytest.approx(brightness[rows.numpy()], rel=1e-5)


def test_missing_targets_are_named_or_dropped():
    y = np.arange(20.0)
    y[4] = np.nan
    with pytest.raises(ValueError, match=r"image 4.*a target that is missing or infinite"):
        ImagesDataModule.from_arrays(GREY, y).setup()
    data = ImagesDataModule.from_arrays(GREY, y, on_invalid="drop")
    with pytest.warns(UserWarning, match="left out"):
        data.setup()
    assert [(row.row, row.text) for row in data.bad_rows] == [(4, "image 4")]
    assert len(data.split("all")) == 19


def test_what_no_images_in_memory_are():
    with pytest.raises(ValueError, match=r"ImagesDataModule\.from_arrays takes images in memory"):
        ImagesDataModule(GREY)
    with pytest.raises(ValueError, match=r"use ImagesDataModule\.from_arrays"):
        ImagesDataModule().setup()
    with pytest.raises(ValueError, match=r"data\.key is of a file"):
        ImagesDataModule.from_arrays(GREY, key="x")
    with pytest.raises(ValueError, match="x has 20 samples and y has 3"):
        ImagesDataModule.from_arrays(GREY, [1, 2, 3])
    with pytest.raises(ValueError, match=r"x has shape \(20,\)"):
        ImagesDataModule.from_arrays(GREY[:, 0, 0]).setup()


def labelled(lines, **options):
    """Twenty files and their labels, as a spreadsheet program writes them."""
    Path("shapes").mkdir(exist_ok=True)
    values = np.random.default_rng(0).integers(0, 200, (20, 8, 8), np.uint8)
    for i, pixels in enumerate(values):
        Image.fromarray(pixels).save(f"shapes/{i:02}.png")
    Path("shapes/labels.csv").write_text("\n".join(lines), encoding="utf-8-sig")
    options = {"targets": ["bright ness"], "units": {"bright ness": "lx"}, **options}
    return ImagesDataModule("shapes", labels="labels.csv", **options)


def label_lines(values):
    return ["file; bright ness "] + [
        f"{i:02}.png;{str(v).replace('.', ',')}" for i, v in reversed([*enumerate(values)])
    ]


def test_images_of_files_have_targets_in_a_table():
    values = np.arange(20) + 0.5
    data = labelled(label_lines(values.tolist()))
    data.setup()
    assert data.description.target_labels == ["bright ness [lx]"]
    y = data.split("all").y[:, 0] * data.description.target_scale[0]
    assert np.allclose(y + data.description.target_mean[0], values, atol=1e-5)


def test_images_without_a_label_are_bad():
    lines = label_lines([i + 0.5 for i in range(20)])
    lines[3] = lines[3].split(";")[0] + ";?"  # 17.png
    lines[5] = "other.png;3"  # 15.png
    data = labelled(lines, on_invalid="drop")
    with pytest.warns(UserWarning, match=r"there is no image 'other\.png'|2 of 20 images"):
        data.setup()
    assert [(bad.row, bad.text) for bad in data.bad_rows] == [(15, "15.png"), (17, "17.png")]
    assert data.bad_rows[0].reason == "is not in shapes/labels.csv"
    assert data.bad_rows[1].reason == (
        "has no label: row 2 on line 4, column 'bright ness' ('?'): no number"
    )


@pytest.mark.parametrize(
    ("lines", "options", "words"),
    [
        (["file;bright ness", "00.png;1", "00.png;2"], {}, r"names the file '00\.png' twice"),
        (["file;bright ness", "a.png;1"], {}, r"'a\.png', none of which is an image"),
        (["name;bright ness", "00.png;1"], {}, "has no column 'file'"),
        (["file;b", "00.png;1"], {}, "has no column 'bright ness'"),
        (["file;b"], {"targets": [], "units": {}}, r"data\.labels .* one needs the other"),
    ],
)
def test_labels_that_will_not_do(lines, options, words):
    with pytest.raises(ValueError, match=words):
        labelled(lines, **options).setup()


def test_a_model_has_images_read_as_its_own_were():
    """Few, of other sizes, without labels, as a folder or as an array of another scale."""
    saved(Path("own"), 255 - GREY)
    model = made("own", resize=[4, 4], invert=True)
    saved(Path("new"), np.repeat(255 - COLOUR[:3] // 2, 2, axis=1))
    new = ImagesDataModule("new", labels="labels.csv", targets=["y"])
    new.adopt(model.description)
    new.setup()
    assert new.description is model.description
    assert [len(new.split(name)) for name in ("train", "val", "test", "all")] == [3] * 4
    assert not new.gives_targets
    same = made(
        "new", resize=[4, 4], invert=True, channels="grey", val_fraction=0.4, test_fraction=0
    )
    assert torch.equal(new.split("all").images, same.split("all").images)

    twelve_bits = GREY / 255.0 * 4095
    model = made(stored(Path(), twelve_bits), value_range=[0, 4095])
    new = ImagesDataModule(stored(Path(), twelve_bits[:2], "b.npy"))
    new.adopt(model.description)
    new.setup()
    assert np.allclose(pixels(new)[0][..., 0], GREY[:2], atol=1e-3)


def test_what_a_model_cannot_read_is_one_sentence():
    model = made(stored(Path(), GREY)).description
    new = ImagesDataModule(stored(Path(), GREY[:, :4], "b.npy"))
    new.adopt(model)
    words = r"b\.npy has images of 5 × 4 .*trained on 5 × 6: set data\.resize to \[6, 5\]"
    with pytest.raises(ValueError, match=words):
        new.setup()
    with pytest.raises(ValueError, match="data of the kind 'vector', and ImagesDataModule gives"):
        new.adopt(DataDescription("vector", (3,)))


def test_a_model_needs_no_targets_of_images_in_memory():
    x = np.random.default_rng(0).random((12, 8, 8))
    model = ImagesDataModule.from_arrays(x)
    model.setup()
    new = ImagesDataModule.from_arrays(x, np.full(12, np.nan))
    new.adopt(model.description)
    new.setup()
    assert len(new.split("all")) == 12
    assert new.bad_rows == ()
