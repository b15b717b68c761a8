"""Clouds of one's own: arrays, molecules and meshes, and what is said of their faults."""

import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import AllChem

from symmetry_pl.core import DataDescription
from symmetry_pl.core.bad_rows import RefusedRows
from symmetry_pl.datamodules import PointCloudDataModule

X = np.random.default_rng(0).normal(size=(40, 6, 3)) + 5


def everything(data):
    data.setup()
    return data.split("all").x


def test_clouds_of_an_array_are_centred_and_dealt():
    data = PointCloudDataModule.from_arrays(X)
    x = everything(data)
    np.testing.assert_allclose(x.numpy(), X - X.mean(1, keepdims=True), atol=1e-5)
    assert [len(data.split(name)) for name in ("train", "val", "test")] == [32, 4, 4]
    batch = data.split("val").__getitems__([1, 0])
    assert batch[1].shape == (2, 0)
    torch.testing.assert_close(batch[0], x[batch[2]])


def test_a_mask_and_nan_say_the_same(tmp_path):
    there = np.random.default_rng(1).random(X.shape[:2]) < 0.8
    gone = np.where(there[..., None], X, np.nan)
    np.savez(tmp_path / "c.npz", clouds=X, mask=there)
    found = [
        PointCloudDataModule(str(tmp_path / "c.npz"), key="clouds", mask="mask"),
        PointCloudDataModule.from_arrays(X, there.astype(int)),
        PointCloudDataModule.from_arrays(gone),
    ]
    one, *others = map(everything, found)
    assert one.isnan().any(2).numpy().tolist() == (~there).tolist()
    for other in others:
        torch.testing.assert_close(one, other, equal_nan=True)
    means = one.nanmean(1)
    torch.testing.assert_close(means, torch.zeros_like(means), atol=1e-6, rtol=0)


def test_clouds_of_many_sizes_are_filled_up_or_thinned():
    sizes = [3 + i % 5 for i in range(20)]
    ragged = [X[i, : min(n, 6)] for i, n in enumerate(sizes)]
    x = everything(PointCloudDataModule.from_arrays(ragged))
    assert (~x.isnan().any(2)).sum(1).tolist() == [len(part) for part in ragged]
    few = everything(PointCloudDataModule.from_arrays(X, points=4, centre=False))
    assert few.shape == (40, 4, 3)
    for cloud, whole in zip(few.numpy(), X.astype(np.float32), strict=True):
        assert {tuple(p) for p in cloud} <= {tuple(p) for p in whole}
    unit = everything(PointCloudDataModule.from_arrays(X, scale=True))
    torch.testing.assert_close(unit.square().sum(2).mean(1), torch.ones(40))


def embedded(smiles):
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(molecule, randomSeed=1)
    return molecule


def test_molecules_of_sdf_and_xyz_files(tmp_path):
    molecules = [embedded("C" * k + "N") for k in range(1, 9)]
    with Chem.SDWriter(str(tmp_path / "m.sdf")) as writer:
        for molecule in molecules:
            writer.write(molecule)
    (tmp_path / "n.xyz").write_text("".join(map(Chem.MolToXYZBlock, molecules)))
    data = PointCloudDataModule(str(tmp_path), val_fraction=0.25, centre=False)
    x = everything(data)
    assert len(x) == 16
    assert data.row_columns(torch.tensor([0, 9]))["file"] == ["m.sdf:0", "n.xyz:1"]
    for one, other, molecule in zip(x[:8], x[8:], molecules, strict=True):
        there = one[~one.isnan().any(1)].numpy()
        np.testing.assert_allclose(there, molecule.GetConformer().GetPositions(), atol=1e-3)
        torch.testing.assert_close(one, other, atol=1e-3, rtol=0, equal_nan=True)


def test_meshes_are_drawn_from_on_their_surface(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    for i, kind in enumerate(("ply", "off", "obj", "stl") * 3):
        trimesh.creation.box((2, 2, 2)).export(tmp_path / f"{i:02}.{kind}")
    data = PointCloudDataModule(str(tmp_path), points=200, centre=False)
    x = everything(data)
    assert x.shape == (12, 200, 3)
    torch.testing.assert_close(x.abs().amax(2), torch.ones(12, 200))  # on a face of the box
    assert not torch.equal(x[0], x[1])
    corners = everything(PointCloudDataModule(str(tmp_path), centre=False))
    assert len(corners[0][~corners[0].isnan().any(1)].unique(dim=0)) == 8


def test_every_fault_of_a_cloud_is_a_bad_row(tmp_path):
    x = X.copy()
    x[3, 2, 1] = np.nan
    x[5, 0, 0] = np.inf
    x[7] = np.nan
    x[9] = 1.0
    data = PointCloudDataModule.from_arrays(x)
    with pytest.raises(RefusedRows, match=r"4 unusable rows.*set data.on_invalid to drop"):
        data.setup()
    reasons = {fault.row: fault.reason for fault in data.bad_rows}
    assert reasons == {
        3: "has a point with some coordinates missing and others not",
        5: "has infinite coordinates",
        7: "has 0 points, and 2 are needed at least",
        9: "has all its points in one place",
    }
    data = PointCloudDataModule.from_arrays(x, on_invalid="drop")
    with pytest.warns(UserWarning, match=r"4 unusable rows.*left out"):
        data.setup()
    assert data.split("all").rows.tolist() == [i for i in range(40) if i not in reasons]


def test_files_that_cannot_be_read_are_bad_rows(tmp_path):
    pytest.importorskip("trimesh")
    (tmp_path / "a.off").write_text("OFF\nthis is no mesh")
    (tmp_path / "b.xyz").write_text("2\n\nC 0 0 0\n")
    (tmp_path / "c.xyz").write_text("2\n\nC 0 0 0\nO 0 0 1\n")
    data = PointCloudDataModule(str(tmp_path))
    with pytest.raises(RefusedRows, match=r"2 unusable rows: row 0 .'a.off'.: cannot be read"):
        data.setup()
    assert data.bad_rows[1].reason == "cannot be read as a molecule with coordinates"


def test_a_model_reads_clouds_as_its_own():
    model = DataDescription("cloud", (4, 3), extra={"centre": False, "scale": True})
    data = PointCloudDataModule.from_arrays(X)
    data.adopt(model)
    x = everything(data)
    assert x.shape == (40, 4, 3)
    torch.testing.assert_close(x.square().sum(2).mean(1), torch.ones(40))
    with pytest.raises(ValueError, match="data of the kind 'image', and PointCloudDataModule"):
        data.adopt(DataDescription("image", (1, 4, 4)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PointCloudDataModule().setup(), "data.path names no folder or file"),
        (lambda: PointCloudDataModule.from_arrays(X[0]), r"x must be real numbers \(N, n, 2\)"),
        (lambda: PointCloudDataModule.from_arrays(X, X[0, :, 0]), "must be a mask of shape"),
        (lambda: PointCloudDataModule.from_arrays(X, key="x"), "data.key is of a file"),
        (lambda: PointCloudDataModule(points=1), "data.points must be at least 3"),
        (lambda: PointCloudDataModule(path="x.csv").setup(), "there is no such folder or file"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(make, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        make()


def test_descriptions_of_clouds_are_checked():
    with pytest.raises(ValueError, match=r"clouds must have shape \(n, 2\) or \(n, 3\)"):
        DataDescription("cloud", (5, 4))
