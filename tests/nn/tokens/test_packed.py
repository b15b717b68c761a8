"""Packed sequences against loops over rows."""

import pytest
import torch

from symmetry_pl.nn.tokens.packed import Packing, scan, shift

LENGTHS = [3, 1, 5, 5, 2, *[4] * 12, 3]  # 67 positions, rounded up to 68


@pytest.fixture
def batch():
    torch.manual_seed(0)
    padded = torch.randn(len(LENGTHS), 6, 2, dtype=torch.float64)
    return padded, Packing.of(torch.tensor(LENGTHS))


def rows_of(packing, packed):
    padded = packing.pad(packed)
    return [padded[i, :n] for i, n in enumerate(LENGTHS)]


def test_packing_keeps_every_position_and_no_padding(batch):
    padded, packing = batch
    packed = packing.pack(padded)
    assert len(packed) - 1 == sum(LENGTHS) == sum(packing.sizes)
    for row, n, found in zip(padded, LENGTHS, rows_of(packing, packed), strict=True):
        assert torch.equal(found, row[:n])
    assert packing.pad(packed)[1, 1:].eq(0).all()


def test_totals_and_repeated_rows(batch):
    padded, packing = batch
    sums = torch.stack([row[:n].sum(0) for row, n in zip(padded, LENGTHS, strict=True)])
    torch.testing.assert_close(packing.total(packing.pack(padded)), sums)
    rows = padded[:, 0]
    for row, found in zip(rows, rows_of(packing, packing.spread(rows)), strict=True):
        assert torch.equal(found, row.expand_as(found))


def test_shift_looks_one_position_back_or_ahead(batch):
    padded, packing = batch
    packed = packing.pack(padded)
    earlier = rows_of(packing, shift(packed, packing.sizes))
    later = rows_of(packing, shift(packed, packing.sizes, back=True))
    for row, n, before, after in zip(padded, LENGTHS, earlier, later, strict=True):
        assert before[0].eq(0).all()
        assert after[-1].eq(0).all()
        assert torch.equal(before[1:], row[: n - 1])
        assert torch.equal(after[:-1], row[1:n])


def test_batches_of_alike_lengths_have_one_shape():
    lengths = torch.randint(8, 17, (50, 256), generator=torch.Generator().manual_seed(0))
    shapes = [len(Packing.of(row).index) for row in lengths]
    assert len(set(shapes)) <= 3
    assert all(n <= shape < n * 17 / 16 for n, shape in zip(lengths.sum(1), shapes, strict=True))


def test_nothing_depends_on_idle_positions(batch):
    padded, packing = batch
    packed = packing.pack(padded)
    changed = packed.clone()
    changed[sum(LENGTHS) :] += 1.0
    for of in (
        packing.total,
        packing.pad,
        lambda x: packing.total(shift(x, packing.sizes, back=True)),
        lambda x: packing.total(scan(x.sigmoid(), x, packing.sizes)),
    ):
        assert torch.equal(of(changed), of(packed))


def test_scan_is_the_recurrence(batch):
    padded, packing = batch
    forget, update = padded.sigmoid(), padded.roll(1, 1)
    found = rows_of(packing, scan(packing.pack(forget), packing.pack(update), packing.sizes))
    for f, c, states in zip(forget, update, found, strict=True):
        h = torch.zeros(2, dtype=torch.float64)
        for t, state in enumerate(states):
            h = f[t] * h + c[t]
            torch.testing.assert_close(state, h)


def test_gradients_against_finite_differences(batch):
    padded, packing = batch
    a, b = (packing.pack(x).requires_grad_() for x in (padded.sigmoid(), padded))
    for back in (False, True):
        assert torch.autograd.gradcheck(lambda x, back=back: shift(x, packing.sizes, back), b)
    assert torch.autograd.gradcheck(lambda f, c: scan(f, c, packing.sizes), (a, b))
