import hashlib
import io
import tarfile

import pytest

from symmetry_pl.datamodules.molecules import qm9_raw
from symmetry_pl.datamodules.molecules.qm9 import QM9DataModule
from symmetry_pl.datamodules.molecules.qm9_embedded import read_columns
from symmetry_pl.datamodules.molecules.qm9_raw import own_table, read_archive


def molecule(index, smiles, alpha, gap, atoms):
    """A file as published: 15 properties, of which the fifth and the eighth are read."""
    properties = [157.7, 157.7, 157.7, 0.0, alpha, -0.3877, 0.1171, gap, 35.4, *[0.0] * 6]
    lines = [str(atoms), "\t".join(map(str, ["gdb " + str(index), *properties]))]
    lines += ["C\t-0.0126981359\t 1.0858041578\t 0.0080009958\t-0.535689"] * atoms
    lines += ["1341.307\t1341.3284", f"{smiles}\t{smiles}\t", "InChI=1S/CH4/h1H4\tInChI=1S"]
    return "\n".join(lines) + "\n"


METHANE = molecule(1, "C", 13.21, 0.5048, atoms=5)
AMMONIA = molecule(2, "N", 9.46, 0.3399, atoms=4)


def archive(folder, *texts):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / qm9_raw.RAW_FILE
    with tarfile.open(path, "w:bz2") as tar:
        for number, text in enumerate(texts):
            info = tarfile.TarInfo(f"dsgdb9nsd_{number:06d}.xyz")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def test_published_values_are_read(tmp_path):
    rows = read_archive(archive(tmp_path, AMMONIA, METHANE))
    assert rows == [(1, "C", 13.21, 0.5048), (2, "N", 9.46, 0.3399)]


def test_the_archive_becomes_a_table_once(tmp_path, monkeypatch):
    path = archive(tmp_path / "qm9", METHANE, AMMONIA)
    monkeypatch.setattr(qm9_raw, "_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    table = own_table(str(tmp_path))
    assert read_columns(table, ["smiles", "alpha_bohr3"]) == {
        "smiles": ["C", "N"],
        "alpha_bohr3": ["13.21", "9.46"],
    }
    path.unlink()
    assert own_table(str(tmp_path)) == table


def test_a_wrong_archive_is_refused(tmp_path):
    archive(tmp_path, METHANE)
    with pytest.raises(ValueError, match=r"has sha256 .* which is not that of https://"):
        QM9DataModule(root=str(tmp_path)).prepare_data()


def test_a_member_of_another_form_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"dsgdb9nsd_000001\.xyz is not a QM9 molecule"):
        read_archive(archive(tmp_path, METHANE, "not a molecule\n"))


def test_without_file_and_network_the_refusal_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"dsgdb9nsd.*https://.*sha256 3a63.*data\.root"):
        QM9DataModule(root=str(tmp_path)).prepare_data()
