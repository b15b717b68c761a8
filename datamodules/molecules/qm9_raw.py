"""QM9 as published: an archive of 133,885 small text files, one a molecule."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from symmetry_pl.core.files import atomic_write
from symmetry_pl.datamodules.files.download import data_root, locate
from symmetry_pl.messages import shortened

__all__ = ["RAW_FILE", "own_table", "read_archive"]

RAW_FILE = "dsgdb9nsd.xyz.tar.bz2"
_URL = "https://ndownloader.figshare.com/files/3195389"
_SHA256 = "3a63848ac80691bdb8d41834b575afad345b9300d7a2db0c38adb7f6eaa8360c"
_LARGEST = 1 << 16  # bytes of a member; those of QM9 have 3 kB
_HEADER = ("index", "smiles", "alpha_bohr3", "gap_hartree")


def own_table(root: str, download: bool = True) -> Path:
    """Path of the QM9 table in ``root``, made from the published archive where there is none.

    A file ``qm9.csv`` or ``qm9.csv.gz`` in ``root`` or ``root/qm9`` is taken as it is. Else the
    archive (doi 10.6084/m9.figshare.c.978904, 86 MB) is looked for, verified by its checksum or
    downloaded, and read into ``qm9.csv.gz`` beside it, once.

    Raises:
        FileNotFoundError: if there is neither, and no way to download.
        ValueError: if the archive has another checksum.
    """
    base = data_root(root)
    for folder in (base / "qm9", base):
        for name in ("qm9.csv.gz", "qm9.csv"):
            if (folder / name).is_file():
                return folder / name
    archive = locate("QM9", root, RAW_FILE, _URL, _SHA256, folder="qm9", download=download)
    table = archive.with_name("qm9.csv.gz")
    atomic_write(table, gzip.compress(_as_csv(read_archive(archive)), mtime=0))
    return table


def read_archive(path: str | Path) -> list[tuple[int, str, float, float]]:
    """Index, SMILES, polarisability (bohr³) and gap (hartree) of every molecule of the archive.

    Of the two SMILES strings of a file the first is taken, that of GDB-17 which the geometry
    was made from, as in the tables others have derived.

    Args:
        path: a tar archive whose members have n atoms as n + 5 lines: the number of atoms; ``gdb``,
            the index and 15 properties; n atoms; the frequencies; SMILES; InChI.

    Raises:
        ValueError: if a member is not of that form, or the archive is damaged.
    """
    try:
        return sorted(_molecules(path))
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"{path} is a damaged archive: delete it") from error


def _molecules(path: str | Path) -> Iterator[tuple[int, str, float, float]]:
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is None or not member.name.endswith(".xyz"):
                continue
            try:
                lines = file.read(_LARGEST).decode("ascii").splitlines()
                properties = lines[1].split()
                smiles = lines[int(lines[0]) + 3].split()[0]
                row = int(properties[1]), smiles, float(properties[6]), float(properties[9])
            except (IndexError, ValueError) as error:
                raise ValueError(
                    f"{path}: {shortened(member.name)} is not a QM9 molecule"
                ) from error
            yield row


def _as_csv(rows: list[tuple[int, str, float, float]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_HEADER, *rows])
    return text.getvalue().encode()
