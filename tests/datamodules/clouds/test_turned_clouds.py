"""Shapes that a hidden group has turned: draws, objects, molecules, files."""

import numpy as np
import pytest
import torch

from symmetry_pl.datamodules import (
    ArrowDataModule,
    ConformerDataModule,
    ModelNetDataModule,
    RandomShapesDataModule,
    TetrahedronDataModule,
)
from symmetry_pl.groups import named_subgroup, rigid_frame

SMALL = {"samples": 300, "eval_samples": 100, "batch_size": 50}


def clouds(data, name="train"):
    data.setup()
    return data.split(name).x


@pytest.mark.parametrize(
    ("group", "axis"), [("T", None), ("O", None), ("I", None), ("SO(2)", [0, 0.5, -0.87])]
)
def test_the_tetrahedron_is_turned_by_the_group_and_no_more(group, axis):
    data = TetrahedronDataModule(group=group, axis=axis, samples=1500, eval_samples=5)
    x = clouds(data).double()
    found = rigid_frame(x, data.base_shapes()[0])
    torch.testing.assert_close(found @ data.base_shapes()[0].T, x.mT, atol=1e-5, rtol=0)
    assert data.subgroup.distance(found).max() < 1e-4
    if data.subgroup.order < 100:
        seen = (found.flatten(1) * 1e3).round().unique(dim=0)
        assert len(seen) == data.subgroup.order


def test_the_arrow_closes_and_is_turned_by_quarters():
    data = ArrowDataModule(**SMALL)
    x = clouds(data)
    assert x.shape == (300, 13, 2)
    torch.testing.assert_close(x[:, 0], x[:, -1])
    tips = x[:, 6].round().unique(dim=0).tolist()
    assert sorted(map(tuple, tips)) == [(-1, 0), (0, -1), (0, 1), (1, 0)]


def test_a_cloud_depends_on_its_place_alone():
    small = RandomShapesDataModule(shapes=3, cloud_size=10, noise=0.1, shuffle=True, **SMALL)
    large = RandomShapesDataModule(
        shapes=3, cloud_size=10, noise=0.1, shuffle=True, samples=5000, eval_samples=100
    )
    torch.testing.assert_close(clouds(small), clouds(large)[:300], rtol=0, atol=0)
    assert not torch.equal(clouds(small, "val"), clouds(small, "test"))


def test_missing_points_noise_and_jitter_are_as_large_as_asked():
    shapes = {"shapes": 1, "cloud_size": 128, "samples": 2000, "eval_samples": 10}
    plain = clouds(RandomShapesDataModule(**shapes))
    noisy = clouds(RandomShapesDataModule(missing=12, noise=0.02, **shapes))
    gone = noisy.isnan().any(2)
    assert (gone.sum(1) == 12).all()
    assert len(gone.unique(dim=0)) > 1900
    assert (noisy - plain)[~gone].std() == pytest.approx(0.02, rel=0.02)

    data = RandomShapesDataModule(jitter=0.05, group="C4", **shapes)
    x = clouds(data)
    angle = data.subgroup.distance(rigid_frame(x, data.base_shapes()[0].float()).double())
    assert angle.square().mean().sqrt() == pytest.approx(0.05 * 3**0.5, rel=0.05)


def test_shuffled_clouds_have_the_same_points():
    shapes = {"shapes": 1, "cloud_size": 20, "group": "C1", "samples": 50, "eval_samples": 5}
    one, other = (clouds(RandomShapesDataModule(shuffle=s, **shapes)) for s in (False, True))
    torch.testing.assert_close(one.sort(1).values, other.sort(1).values)
    assert not torch.equal(one, other)


def test_conformers_stand_in_their_own_axes():
    smiles = ["CC(O)C(N)=O", "c1ccccc1CCN", "CC(C)Cc1ccc(cc1)C(C)C(=O)O"]
    data = ConformerDataModule(smiles=smiles, group="C1", **SMALL)
    x = clouds(data)
    assert x.shape == (300, 15, 3)
    counts = (~x.isnan().any(2)).sum(1).unique().tolist()
    assert counts == [6, 9, 15]
    one = x[(~x.isnan().any(2)).sum(1) == 9][0, :9].double()
    spread = one.T @ one
    torch.testing.assert_close(spread, spread.diag().diag(), atol=1e-3, rtol=0)
    assert (spread.diag().diff() < 0).all()
    assert (one[:, :2].pow(3).sum(0) > 0).all()


def test_molecules_seen_once_are_in_one_set_only(tmp_path):
    (tmp_path / "m.csv").write_text("smiles\n" + "\n".join("C" * k + "O" for k in range(4, 16)))
    sizes = {"samples": 6, "eval_samples": 3, "once": True, "group": "C1"}
    data = ConformerDataModule(path=str(tmp_path / "m.csv"), **sizes)
    x = torch.cat([clouds(data, name) for name in ("train", "val", "test")])
    counts = (~x.isnan().any(2)).sum(1).tolist()
    assert sorted(counts) == list(range(5, 17))
    with pytest.raises(ValueError, match=r"there are 12 molecules, and data.samples .* ask for 13"):
        ConformerDataModule(path=str(tmp_path / "m.csv"), **{**sizes, "samples": 7}).setup()


def test_molecules_with_a_part_stand_in_its_axes(tmp_path):
    smiles = ["CC(O)C(N)=O", "CCCCO", "CC(=O)NC", "NC(=O)CC(N)=O", "C1CC(=O)N1"]
    options = {"scaffold": "O=C[NX3]", "group": "C1", "cache": str(tmp_path), **SMALL}
    data = ConformerDataModule(smiles=smiles, **options)
    x = clouds(data)
    counts = (~x.isnan().any(2)).sum(1)
    assert counts.unique().tolist() == [5, 6]  # neither without the part nor with two of them
    one = x[counts == 6][0].double()
    turn = one[3] - one[5]  # from the oxygen to the carbon
    assert float(turn[0]) == pytest.approx(float(turn.norm()), abs=1e-5)
    towards = one[4] - one[5]
    assert towards[1] > 1
    assert float(towards[2]) == pytest.approx(0, abs=1e-5)

    # a file's conformers are kept
    (tmp_path / "m.csv").write_text("\n".join(["smiles", *smiles]))
    for _ in range(2):
        kept = ConformerDataModule(path=str(tmp_path / "m.csv"), **options)
        torch.testing.assert_close(clouds(kept), x, atol=1e-3, rtol=0, equal_nan=True)
    assert len(list(tmp_path.glob("*.conformer-*.txt.gz"))) == 1
    with pytest.raises(ValueError, match=r"no molecule has the part .S=O\.O."):
        ConformerDataModule(smiles=smiles, **{**options, "scaffold": "S=O.O"}).setup()
    with pytest.raises(ValueError, match=r"SMARTS of 3 atoms at least, got 'C\('"):
        ConformerDataModule(smiles=smiles, **{**options, "scaffold": "C("})


def test_molecules_without_conformer_are_named():
    data = ConformerDataModule(smiles=["CCO", "CC(O)C(N)=O", "C#CC#C", "nothing"], **SMALL)
    with pytest.raises(ValueError, match="3 unusable rows: row 0 \\('CCO'\\): has 3 heavy atoms"):
        data.setup()
    assert [fault.row for fault in data.bad_rows] == [0, 2, 3]
    data = ConformerDataModule(smiles=["CCO", "CC(O)C(N)=O"], on_invalid="drop", **SMALL)
    with pytest.warns(UserWarning, match="left out"):
        data.setup()
    assert data.description.x_shape == (6, 3)


@pytest.mark.parametrize(
    "layout", ["ModelNet10/{c}/train", "{c}/train", "raw/{c}/train", "train/{c}"]
)
def test_modelnet_reads_every_layout_of_its_files(tmp_path, layout):
    trimesh = pytest.importorskip("trimesh")
    for name, mesh in (
        ("chair", trimesh.creation.box((1, 2, 3))),
        ("bed", trimesh.creation.cone(1, 2)),
    ):
        folder = tmp_path / layout.format(c=name)
        folder.mkdir(parents=True)
        for i in range(3):
            mesh.export(folder / f"{name}_{i:04}.off")
    data = ModelNetDataModule(
        str(tmp_path), per_class=2, cloud_size=40, group="I", **{**SMALL, "samples": 50}
    )
    x = clouds(data)
    assert x.shape == (50, 40, 3)
    assert [name.split("_")[0] for name in data.names] == ["bed", "bed", "chair", "chair"]
    shapes = data.base_shapes()
    torch.testing.assert_close(shapes.mean(1), torch.zeros(4, 3).double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(shapes.square().sum(2).mean(1), torch.ones(4).double())
    corners = ModelNetDataModule(str(tmp_path), per_class=1, cloud_size=40, vertices=True, **SMALL)
    assert len(corners.base_shapes()[1].round(decimals=6).unique(dim=0)) == 8  # of a box


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ArrowDataModule(group="I"), "a group of 2 dimensions must be one of C1, C2"),
        (lambda: ArrowDataModule(axis=[0, 0, 1]), "C4 in 2 dimensions has no axis"),
        (lambda: TetrahedronDataModule(group="C0"), "must be one of C1, C2, .*, got 'C0'"),
        (lambda: TetrahedronDataModule(jitter=-1), "data.jitter must be at least 0"),
        (lambda: TetrahedronDataModule(missing=3).setup(), "data.missing is 3, of 4 points"),
        (lambda: ConformerDataModule(), "one of data.path and data.smiles"),
    ],
)
def test_options_that_make_no_data_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_modelnet_says_where_it_has_looked(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no object of ModelNet in .*data.root"):
        ModelNetDataModule(str(tmp_path)).setup()


def test_all_rotations_are_next_to_themselves():
    whole = named_subgroup("SO(3)")
    drawn = whole.sample(5, generator=torch.Generator().manual_seed(0))
    assert whole.distance(drawn).max() < 1e-6
    assert whole.distance(-drawn).min() == pytest.approx(np.pi)
