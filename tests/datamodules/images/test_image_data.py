import pytest
import torch

from symmetry_pl.datamodules.images.image_data import ImageDataset

BYTES = torch.randint(0, 256, (6, 1, 5, 4), generator=torch.Generator().manual_seed(0)).byte()


def test_bytes_become_floats_from_black_to_white():
    x, y, rows = ImageDataset(BYTES).__getitems__([4, 1])
    assert torch.allclose(x, BYTES[[4, 1]].double().div(255).mul(2).sub(1).float(), atol=1e-6)
    assert x.dtype == torch.float32
    assert y.shape == (2, 0)
    assert rows.tolist() == [4, 1]
    ends = ImageDataset(torch.tensor([0, 255]).byte().view(1, 1, 1, 2)).__getitems__([0])[0]
    assert ends.flatten().tolist() == [-1.0, 1.0]


def test_floats_are_taken_as_they_are():
    images = torch.rand(3, 3, 2, 2) * 2 - 1
    assert torch.equal(ImageDataset(images).__getitems__([2, 0])[0], images[[2, 0]])


def test_painted_bytes_have_three_channels():
    tints = torch.rand(6, 3)
    data = ImageDataset(BYTES, tints=tints)
    assert data.shape == (3, 5, 4)
    x = data.__getitems__([5, 2])[0]
    expected = BYTES[[5, 2]] / 127.5 * tints[[5, 2], :, None, None] - 1
    assert torch.allclose(x, expected, atol=1e-6)


def test_subsets_share_memory_and_keep_row_numbers():
    y = torch.arange(6.0)[:, None]
    data = ImageDataset(BYTES, y, torch.arange(10, 16))
    some = data.subset(torch.tensor([5, 0, 3]))
    assert len(some) == 3
    assert some.images.data_ptr() == BYTES.data_ptr()
    one = some.subset(torch.tensor([2, 1]))
    x, target, rows = one.__getitems__([0])
    assert torch.equal(x, data.__getitems__([3])[0])
    assert target.item() == 3
    assert rows.item() == 13
    assert torch.equal(one[1][0], data[0][0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": BYTES[0]}, r"must be bytes or float32 \(N, 1 or 3, H, W\)"),
        ({"images": BYTES.double()}, r"got torch\.float64 of shape \(6, 1, 5, 4\)"),
        ({"images": BYTES.expand(-1, 2, -1, -1)}, r"of shape \(6, 2, 5, 4\)"),
        ({"images": BYTES.float()}, r"must lie in \[-1, 1\], got"),
        ({"images": torch.full((1, 1, 2, 2), torch.nan)}, r"must lie in \[-1, 1\], got nan"),
        ({"images": BYTES, "y": torch.zeros(5, 1)}, "6 images, but 5 y"),
        ({"images": BYTES.expand(-1, 3, -1, -1), "tints": torch.zeros(6, 3)}, "one channel"),
    ],
)
def test_images_that_cannot_be_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        ImageDataset(**options)
