"""Hostile input for every reader and the command line: ``make fuzz``, or a seed of one's own.

A case passes if what it gives is read, or refused in one sentence: an error of our own code, of at
most 1,000 characters, within 10 s, and nothing in the file is executed. Cases are functions of the
seed and of their number, so that a failure is repeated by ``python tests/fuzz.py --only reader
--seed S --first N --cases 1``.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import os
import pickle
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

PACKAGE = Path(__file__).parents[1]
SECONDS = 10
LONGEST = 1000
TOKENS = (
    *(b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\n", b"\r\n", b",", b";", b'"', b"\t", b"["),
    *(b"]", b"{", b"}", b"&a ", b"*a", b"<<: ", b"1_000", b"null", b"true", b": "),
    b"!!python/object/apply:os.system ['touch PWNED']",
    *(b"nan", b"inf", b"-1", b"1e400", b"1e-400", b"999999999999999999999"),
    *("😀".encode(), "١٢".encode(), "Å".encode(), b"[C+999]", b"%(99999)", b"(" * 50, b"C" * 200),
    *(b"\x1f\x8b", b"PK\x03\x04", b"\x93NUMPY", b"\x89PNG", b"{'descr': '|O', ", b"../" * 8),
)  # fmt: skip


class Reader(NamedTuple):
    """Something that reads files: its seeds, file names to contents, and what is called on one."""

    seeds: Callable[[], dict[str, bytes]]
    read: Callable[[Path], Any]


class Payload:
    """Executed by whoever unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch PWNED",)


def mutated(content: bytes, draw: random.Random) -> bytes:
    """A content with one to four faults."""
    found = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(found) + 1)
        kind = draw.randrange(8)
        if kind == 0:
            del found[at:]
        elif kind == 1:
            del found[at : at + draw.randint(1, 64)]
        elif kind == 2 and found:
            found[at % len(found)] ^= 1 << draw.randrange(8)
        elif kind == 3:
            found[at:at] = draw.choice(TOKENS)
        elif kind == 4:
            found[at:at] = found[: draw.randint(0, 64)]
        elif kind == 5:
            found[at:at] = draw.randbytes(draw.randint(1, 16))
        elif kind == 6 and found:
            end = at + draw.randint(1, 32)
            found[at:end] = draw.choice((b"\x00", b"\xff", b"9", b"C")) * len(found[at:end])
        else:
            found[at:at] = draw.choice(TOKENS) * draw.choice((1, 2, 100))
    return bytes(found)


# -- what is read --------------------------------------------------------------------------------


def csv_seeds() -> dict[str, bytes]:
    """Tables as people have them."""
    rows = "".join(f"{'C' * n}{end},{n}.5,{n * n}\n" for n in range(1, 12) for end in ("O", "N"))
    text = 'smiles,gap,x\n"C=O",-1e3,2\nc1ccccc1,.5,4\n' + rows
    return {
        "a.csv": text.encode(),
        "b.csv": b"\xef\xbb\xbf" + text.replace(",", ";").encode(),
        "c.csv.gz": gzip.compress(text.encode()),
        "d.csv": "".join(f"{n},{n * n},{n**3 % 7}\n" for n in range(40)).encode(),
    }


def array_seeds() -> dict[str, bytes]:
    """NumPy files, one with a payload."""
    found = {}
    values = np.random.default_rng(0).normal(size=(40, 4))
    for name, array in (("a", values), ("b", (values * 1000).astype(">i4"))):
        file = io.BytesIO()
        np.save(file, array)
        found[f"{name}.npy"] = file.getvalue()
    file = io.BytesIO()
    np.savez_compressed(file, x=values, y=np.ones(3, dtype=np.uint8))
    found["c.npz"] = file.getvalue()
    file = io.BytesIO()
    np.save(file, np.array([Payload()], dtype=object), allow_pickle=True)
    found["d.npy"] = file.getvalue()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", found["a.npy"].replace(b"(40, 4)", b"(4000000000000, 4)"))
    found["e.npz"] = file.getvalue()
    return found | csv_seeds()


def idx_seeds() -> dict[str, bytes]:
    """MNIST's format."""
    raw = b"\x00\x00\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (2, 3, 3)) + bytes(range(18))
    return {"a": raw, "b.gz": gzip.compress(raw)}


def image_seeds() -> dict[str, bytes]:
    """Two formats that have lengths and checksums within them."""
    from PIL import Image

    found = {}
    picture = Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))
    for kind in ("png", "jpeg", "bmp", "gif", "tiff"):
        file = io.BytesIO()
        picture.save(file, kind)
        found[f"a.{kind}"] = file.getvalue()
    return found


def smiles_seeds() -> dict[str, bytes]:
    """One molecule a file; the vocabulary of the whole language."""
    seeds = (
        *("CC(=O)Oc1ccccc1C(=O)O", "[13CH3][N+](C)(C)C", "C/C=C\\[C@@H](F)Cl", "C1CC%10CC1C%10"),
        *("[Na+].[Cl-]", "c1ccc2[nH]ccc2c1", "[Fe+2]", "O=S(=O)(N)c1cc(Cl)ccc1", "[CH3:12]"),
    )
    return {f"{i}.smi": text.encode() for i, text in enumerate(seeds)}


def checkpoint_seeds() -> dict[str, bytes]:
    """A checkpoint as a trainer writes it, the older format of torch, and payloads."""
    from symmetry_pl.core import DataDescription
    from symmetry_pl.stib import STIB

    model = STIB(z1_dim=1, latent_dim=2)
    model.describe_data(DataDescription("vector", (3,), ("y",), ("eV",), (1.0,), (2.0,)))
    state: dict[str, Any] = {
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
        "pytorch-lightning_version": "2.6.0",
    }
    model.on_save_checkpoint(state)
    found = {}
    for name, content, zipped in (
        ("a.ckpt", state, True),
        ("b.ckpt", state, False),
        ("c.ckpt", {**state, "x": Payload()}, True),
    ):
        file = io.BytesIO()
        torch.save(content, file, _use_new_zipfile_serialization=zipped)
        found[name] = file.getvalue()
    return found | {"d.ckpt": pickle.dumps(Payload())}


def config_seeds() -> dict[str, bytes]:
    """Shipped configs of each family, and a bomb."""
    names = ("stib/spiral_flow.yaml", "sgm/mnist_affine.yaml", "lens/gaussian.yaml")
    bomb = b"a: &a [x, x, x, x, x, x, x, x, x]\n"
    for this, before in zip("bcdefgh", "abcdefg", strict=True):
        bomb += f"{this}: &{this} [{', '.join([f'*{before}'] * 9)}]\n".encode()
    found = {f"{i}.yaml": (PACKAGE / "configs" / name).read_bytes() for i, name in enumerate(names)}
    return found | {"bomb.yaml": bomb}


def record_seeds() -> dict[str, bytes]:
    """What a fit leaves for its test."""
    return {"metrics.json": b'{"metrics": {"val/mae_y": 0.5}, "fit": {"validated": 12}}'}


def archive_seeds() -> dict[str, bytes]:
    """An archive of one molecule, as QM9 is published."""
    import tarfile

    member = b"1\ngdb 1\t1 2 3 4 5 6 7 8 9 1 2 3 4 5 6\nC 0 0 0 0\n1 2\nC\tC\nInChI=1S/CH4\n"
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:bz2") as archive:
        info = tarfile.TarInfo("dsgdb9nsd_000001.xyz")
        info.size = len(member)
        archive.addfile(info, io.BytesIO(member))
    return {"a.tar.bz2": file.getvalue()}


def sprite_seeds() -> dict[str, bytes]:
    """A small file of the published form."""
    file = io.BytesIO()
    np.savez_compressed(file, imgs=np.ones((3, 64, 64), np.uint8))
    return {"a.npz": file.getvalue()}


def read_smiles(path: Path) -> None:
    """Every language, and back."""
    from symmetry_pl.molecules import canonical_smiles, check_smiles, formula, representation

    text = path.read_bytes().decode("utf-8", "replace")
    canonical, reason = canonical_smiles(text), check_smiles(text)
    assert (canonical is None) == (reason is not None), text
    assert reason is None or len(reason) < 300, reason
    formula(text)
    for name in ("deepsmiles", "selfies", "grammar"):
        language = representation(name)
        with contextlib.suppress(ValueError):
            symbols = language.encode(text)
            again = language.decode(symbols)
            assert again is None or canonical_smiles(again) is not None, text


def read_csv_file(path: Path) -> None:
    """As a table of text, and as molecules."""
    from symmetry_pl.datamodules import SmilesCSVDataModule
    from symmetry_pl.datamodules.files.csv_table import read_columns

    read_columns(path, {"smiles_column": ["smiles"]})
    SmilesCSVDataModule(str(path), ["gap"], on_invalid="drop").setup()


def read_config(path: Path) -> None:
    """By the checks, and by the parser."""
    from symmetry_pl.training.arguments import read_config as parsed
    from symmetry_pl.training.yaml_text import read_yaml_file

    read_yaml_file(path)
    parsed(path.read_text("utf-8-sig"))


def read_command(path: Path) -> None:
    """``symmetry fit --config FILE --print_config``, whose errors are printed, not raised."""
    _symmetry(["fit", "--config", str(path), "--print_config"])


def read_options(path: Path) -> None:
    """The lines of a file as the words of a command."""
    words = path.read_bytes().decode("utf-8", "replace").replace("\x00", "").split("\n")
    if words[0] in ("fit", "validate", "test", "predict"):  # a fault may have cut what keeps it dry
        words += ["--trainer.fast_dev_run=1"]
        # a warm start of SymmetryLens takes longer than a case may
        words += [] if any("spiral_flow" in word for word in words) else ["--print_config"]
    _symmetry(words)


def option_seeds() -> dict[str, bytes]:
    """Commands that end before they train."""
    dry = ("--trainer.fast_dev_run=1", "--print_config")
    lines = (
        ("fit", "--config", "stib/spiral_flow.yaml", "--model.players.flow.lr=1e-3", *dry),
        ("fit", "--config=sgm/mnist_affine.yaml", "--data.batch_size=16", "--threads", "1", *dry),
        ("fit", "--config=lens/gaussian.yaml", "--model.phases.estimate=1 epoch", *dry),
        ("test", "--config", "stib/spiral_flow.yaml", "--ckpt_path", "none.ckpt", *dry),
        ("predict", "--ckpt_path", "last", "--data", "ArrayDataModule", *dry),
        ("generate", "--ckpt_path=none", "--like", "CCO", "--out=o.csv", "--property", "gap=1,2"),
        ("reproduce", "stib/none", "--seeds", "0,1", "--systems=x", "--collect"),
    )
    return {f"{i}.txt": "\n".join(words).encode() for i, words in enumerate(lines)}


def _symmetry(words: list[str]) -> None:
    from symmetry_pl.cli import main

    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            code = main(words)
        except SystemExit as done:
            code = done.code if isinstance(done.code, int) else 1
    lines = [line for line in said.getvalue().splitlines() if "error" in line]
    if code == 2 and lines and len(lines[-1]) > LONGEST + 100:
        raise AssertionError(f"a message of {len(lines[-1])} characters: {lines[-1][:200]}")


def readers() -> dict[str, Reader]:
    """All of them, by name."""
    from symmetry_pl.core.checkpoint import Checkpoint
    from symmetry_pl.datamodules import ArrayDataModule
    from symmetry_pl.datamodules.files.array_files import load_array, read_table
    from symmetry_pl.datamodules.files.download import sha256_of
    from symmetry_pl.datamodules.files.mnist_files import read_idx
    from symmetry_pl.datamodules.images.dsprites_files import read_sprites
    from symmetry_pl.datamodules.images.image_files import read_folder
    from symmetry_pl.datamodules.molecules.qm9_raw import read_archive
    from symmetry_pl.runs.folders import validated_figures

    def table(path: Path) -> None:
        (load_array if path.suffix == ".npz" else read_table)(path)
        ArrayDataModule(str(path), on_invalid="drop").setup()

    return {
        "csv": Reader(csv_seeds, read_csv_file),
        "arrays": Reader(array_seeds, table),
        "idx": Reader(idx_seeds, read_idx),
        "checksum": Reader(idx_seeds, lambda path: sha256_of(path, uncompressed=True)),
        "sprites": Reader(sprite_seeds, lambda path: read_sprites(path, np.arange(2))),
        "images": Reader(image_seeds, lambda path: read_folder(path.parent, "auto", None)),
        "smiles": Reader(smiles_seeds, read_smiles),
        "qm9": Reader(archive_seeds, read_archive),
        "record": Reader(record_seeds, lambda path: validated_figures(path.parent)),
        "checkpoint": Reader(checkpoint_seeds, lambda path: Checkpoint.read(path).model()),
        "config": Reader(config_seeds, read_config),
        "command_config": Reader(config_seeds, read_command),
        "command": Reader(option_seeds, read_options),
    }


SHARES = {"command": 0.04, "command_config": 0.02, "config": 0.04, "csv": 0.15, "checkpoint": 0.08}
"""Of all cases; the others share what is left."""


# -- the game ------------------------------------------------------------------------------------


class Hang(BaseException):
    """A case that took too long."""


REFUSED = Counter[str]()
"""Refused files by the first words of the reason: a game that refuses all of them is none."""


def complaint(reader: Reader, path: Path) -> str | None:
    """What is wrong with how a file is read; None if nothing is."""

    def late(*_: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read(path)
    except (ValueError, FileNotFoundError, FloatingPointError) as error:
        last = traceback.extract_tb(error.__traceback__)[-1].filename
        if not last.startswith(str(PACKAGE / "symmetry_pl")) and not last.startswith(
            str(PACKAGE / "datamodules")
        ):
            return "".join(traceback.format_exception(error)[-6:])
        REFUSED[str(error).replace(str(path), "FILE")[:50]] += 1
        if len(str(error)) > LONGEST:
            return f"a message of {len(str(error))} characters: {str(error)[:200]}"
    except Hang:
        return f"not done after {SECONDS} s"
    except BaseException as error:
        return "".join(traceback.format_exception(error)[-6:])
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return "a payload was executed" if Path("PWNED").exists() else None


def cases(
    name: str, reader: Reader, seed: int, first: int, count: int
) -> Iterator[tuple[int, str]]:
    """Numbers of cases that failed, and how."""
    seeds = reader.seeds()
    names = sorted(seeds)
    for number in range(first, first + count):
        draw = random.Random(f"{seed} {name} {number}")
        chosen = names[number % len(names)]
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            (Path(folder) / "in").mkdir()
            path = Path(folder) / "in" / chosen
            # the seeds themselves come first
            whole = seeds[chosen]
            path.write_bytes(whole if number < len(names) else mutated(whole, draw))
            found = complaint(reader, path)
        if found is not None:
            yield number, found


def play(total: int, seed: int, only: str | None = None, first: int = 0) -> list[str]:
    """Run cases of all readers; lines of those that failed."""
    known = readers()
    left = 1 - sum(SHARES.values())
    failed = []
    for name, reader in known.items():
        if only not in (None, name):
            continue
        share = SHARES.get(name, left / (len(known) - len(SHARES)))
        count = total if only else max(len(reader.seeds()), round(total * share))
        begun, before = time.process_time(), len(failed)
        REFUSED.clear()
        for number, what in cases(name, reader, seed, first, count):
            failed.append(f"{name}, case {number} of seed {seed}: {what}")
        print(
            f"{name:15} {count:6} cases, {sum(REFUSED.values())} refused for {len(REFUSED)} "
            f"reasons, {len(failed) - before} failed, {time.process_time() - begun:.1f} CPU-s",
            flush=True,
        )
    return failed


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=None, help="drawn and printed if not given")
    parser.add_argument("--only", help="one reader")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    options = parser.parse_args()
    torch.set_num_threads(1)
    os.environ["SYMMETRY_DATA"] = "/nonexistent"
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    failed = play(options.cases, seed, options.only, options.first)
    kinds = {(line.partition(",")[0], line.strip().splitlines()[-1][:60]): line for line in failed}
    for line in list(kinds.values())[:20]:
        print(line)
    print(f"{len(failed)} of {options.cases} cases failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
