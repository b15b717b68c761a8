"""Input that is not what it looks like: only what a format allows is read, quickly, or refused."""

import gzip
import io
import time
import zipfile
import zlib

import numpy as np
import pytest
import torch
import yaml

from symmetry_pl.cli import main
from symmetry_pl.datamodules import ArrayDataModule, SmilesCSVDataModule
from symmetry_pl.datamodules.files.array_files import load_array, read_table
from symmetry_pl.datamodules.files.download import sha256_of
from symmetry_pl.datamodules.files.mnist_files import read_idx
from symmetry_pl.datamodules.files.numbers import is_number, to_floats
from symmetry_pl.datamodules.images.dsprites_files import read_sprites
from symmetry_pl.molecules import canonical_smiles, check_smiles, representation
from symmetry_pl.runs.folders import config_root
from symmetry_pl.training.yaml_text import check_yaml, read_yaml_file

CONFIG = str(config_root() / "stib/spiral_flow.yaml")


# -- molecules -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("smiles", "words"),
    [
        ("C😀", "it contains '😀'"),
        ("Cé", "it contains 'é'"),
        ("C\x01", "which SMILES has not"),
        ("C C", "a space"),
        ("[C+999999999]", "a charge of 999999999"),
        ("[C+200]", "a charge of 200, more than 15"),
        ("[O-99]", "a charge of 99"),
        ("[999999999C]", "an isotope of 999999999"),
        ("[65536C]", "an isotope of 65536"),
        ("[CH99999999]", "a count of hydrogens of 99999999"),
        ("C" * 100_000, "it has 100,000 characters, more than 2,000"),
    ],
)
def test_smiles_are_read_as_they_stand_or_not_at_all(smiles, words):
    begun = time.process_time()
    assert canonical_smiles(smiles) is None
    assert words in check_smiles(smiles)
    with pytest.raises(ValueError, match="has no") as refused:
        representation("selfies").encode(smiles)
    assert len(str(refused.value)) < 300
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "smiles", ["[13CH4]", "[238U+6]", "[Fe+2]", "[CH3:999999]", "[nH]1cccc1", "[OH2+]", "[C-]#[O+]"]
)
def test_what_smiles_allows_is_still_read(smiles):
    assert canonical_smiles(smiles) is not None


def test_unusable_molecules_are_named_and_left_out(tmp_path):
    bad = ["C😀", "[C+200]", "[CH99999999]", "C" * 100_000]
    good = ["C" * n + end for n in range(1, 12) for end in ("O", "N", "F")]
    rows = [f"{smiles},{i}.5" for i, smiles in enumerate([*bad, *good])]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["smiles,gap", *rows]))
    data = SmilesCSVDataModule(str(path), ["gap"], on_invalid="drop")
    with pytest.warns(UserWarning, match="4 unusable rows") as said:
        data.setup()
    assert [row.row for row in data.bad_rows] == [0, 1, 2, 3]
    assert max(len(str(one.message)) for one in said) < 1000


# -- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["1_000", "１２", "٣", "1e-400", "0x10", "1 000", "1,5", "--1", "1e"]
)
def test_only_numbers_of_the_format_are_numbers(text, tmp_path):
    assert not is_number(text)
    assert np.isnan(to_floats(["1", text])).tolist() == [False, True]
    path = tmp_path / "a.csv"
    path.write_text(f'x,y\n1,2\n"{text}",3\n4,5\n')
    with pytest.raises(ValueError, match=r"row 1, column 'x' is .*, not a number"):
        read_table(path)
    if text == "1,5":  # a table of molecules may have decimal commas
        return
    path.write_text(f'smiles,gap\nCCO,1\nCCN,"{text}"\nCCC,3\n')
    with pytest.raises(ValueError, match="no number"):
        SmilesCSVDataModule(str(path), ["gap"]).setup()


@pytest.mark.parametrize(
    ("text", "value"), [("1.5", 1.5), (" -2e3 ", -2000), (".5", 0.5), ("5.", 5), ("+0e9", 0)]
)
def test_numbers_are_numbers(text, value):
    assert to_floats([text]) == [value]


def test_a_property_beyond_all_units_is_refused(tmp_path):
    rows = [f"{'C' * n},{n}e307" for n in range(1, 17)]
    (tmp_path / "a.csv").write_text("\n".join(["smiles,gap", *rows]))
    with pytest.raises(ValueError, match=r"property_columns: gap has numbers beyond 1e\+100"):
        SmilesCSVDataModule(str(tmp_path / "a.csv"), ["gap"]).setup()


def test_messages_do_not_carry_the_input(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,y\n1,2\n" + "A" * 100_000 + ",3\n")
    with pytest.raises(ValueError, match="not a number") as refused:
        read_table(path)
    assert len(str(refused.value)) < 500
    path.write_text(",".join(f"column{i}" for i in range(5000)) + "\n")
    with pytest.raises(ValueError, match="has no column") as refused:
        SmilesCSVDataModule(str(path), ["gap"]).setup()
    assert len(str(refused.value)) < 800


# -- files ---------------------------------------------------------------------------------------


def test_gzip_bombs_are_not_unpacked(tmp_path):
    """8 GiB of zeros in 8 MB: read, hashed or taken for images, it ends after the first 256 MiB."""
    path = tmp_path / "bomb.gz"
    member = gzip.compress(bytes(1 << 26), 9)
    path.write_bytes(member * 128)
    begun = time.process_time()
    for read in (
        lambda: sha256_of(path, uncompressed=True),
        lambda: read_idx(path),
        lambda: SmilesCSVDataModule(str(path), ["gap"]).setup(),
    ):
        refusal = "unpacks to more than 400 times its size|holds characters of code 0"
        with pytest.raises(ValueError, match=refusal):
            read()
    assert time.process_time() - begun < 20


def broken_gzip():
    """A gzip file whose compressed data are not."""
    content = bytearray(gzip.compress(bytes(range(256)) * 9))
    content[10] = 7  # a kind of block that there is not
    return bytes(content)


def npz(**parts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def npy(header=None):
    file = io.BytesIO()
    np.save(file, np.eye(3))
    content = file.getvalue()
    if header is None:
        return content
    return content[:10] + header.ljust(len(content[10:128]) - 1) + b"\n" + content[128:]


def says(shape, kind="<f8"):
    return npz(x=npy(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()))


ARRAYS = {
    "terabytes": says("(4000000000000,)"),
    "negative": says("(-3, 3)"),
    "huge": says(f"({'9' * 40},)"),
    "open": npz(x=npy(b"{'descr': '<f8', 'fortran_order': (((((")),
    "objects": says("(3, 3)", "|O"),
    "short": npz(x=npy()[:-8]),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_lie_are_refused(name, tmp_path):
    (tmp_path / "a.npz").write_bytes(ARRAYS[name])
    with pytest.raises(ValueError, match=r"is not an array of numbers as numpy\.save writes it"):
        load_array(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        (tmp_path / "a.npy").write_bytes(archive.read("x.npy"))
    with pytest.raises(ValueError, match=r"is not an array of numbers|no real numbers"):
        ArrayDataModule(str(tmp_path / "a.npy")).setup()


def test_damaged_archives_are_refused(tmp_path):
    whole = npz(x=npy())
    (tmp_path / "a.gz").write_bytes(broken_gzip())
    with pytest.raises(zlib.error):
        gzip.decompress(broken_gzip())
    for read in (read_idx, lambda path: sha256_of(path, uncompressed=True)):
        with pytest.raises(ValueError, match="is a damaged gzip file"):
            read(tmp_path / "a.gz")
    method = bytearray(whole)
    method[8:10] = b"\x63\x00"
    place = whole.index(b"PK\x01\x02") + 10
    method[place : place + 2] = b"\x63\x00"
    data = bytearray(whole)
    data[40:60] = b"\xff" * 20
    for content in (bytes(method), bytes(data), whole[:-30], b""):
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(ValueError, match="is not an array of numbers"):
            load_array(tmp_path / "a.npz")
        with pytest.raises(ValueError, match="is not the published file of dSprites"):
            read_sprites(tmp_path / "a.npz", np.arange(2))


# -- configs and options -------------------------------------------------------------------------


def bomb(levels):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for k in range(1, levels):
        lines.append(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bomb(10).encode(), "its aliases make more than 100,000 values"),
        (b"a: &a [*a]", "names what it is part of"),
        (b"[" * 1000, "nested deeper than 50 levels|is not YAML"),
        (b"a: {" * 100 + b"}" * 100, "nested deeper than 50 levels|is not YAML"),
        (b"\xff\xfea", r"is not text in UTF-8 \(byte 0\)"),
        (b"a: [1", "is not YAML on line 1"),
        (b"- 1\n- 2\n", "holds a list, not options by name"),
        (b"x" * 2_000_000, "has 2,000,000 bytes, and a config at most"),
        (b"a: !!python/object/apply:os.system ['true']", "is not YAML on line 1"),
    ],
    ids=["bomb", "circle", "deep", "deep maps", "bytes", "open", "list", "large", "payload"],
)
def test_configs_that_are_none_are_refused_at_once(content, words, tmp_path, capsys):
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    begun = time.process_time()
    with pytest.raises(ValueError, match=words):
        read_yaml_file(path)
    assert main(["fit", "--config", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert len(said) < 1000
    assert time.process_time() - begun < 5


def test_aliases_of_a_small_config_are_fine():
    check_yaml("a: &a {lr: 1}\nb: *a\nc: [*a, *a]")
    with pytest.raises(yaml.YAMLError, match="aliases"):
        check_yaml(bomb(8))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model.players.flow.lr=nan"], "--model.players: expected float or null, got nan"),
        (["--model.y_weight=.nan"], "y_weight must be a finite number"),
        (["--trainer.max_epochs=1.5"], "--trainer.max_epochs: expected int or null, got 1.5"),
        (["--trainer.nosuch=3"], "unrecognized arguments: --trainer.nosuch=3"),
        (["--model.nosuch=3"], "option 'nosuch' is not accepted"),
        (["--trainer.accelerator=abacus"], "--trainer: You selected an invalid accelerator"),
        (["--trainer.devices=0"], "--trainer: "),
        (["--threads=0"], "--threads must be at least 1"),
        (["--run_name=../../x"], "--run_name must be a folder below --log_root"),
    ],
)
def test_options_are_refused_in_one_sentence(options, words, tmp_path, capsys):
    assert main(["fit", "--config", CONFIG, f"--log_root={tmp_path / 'runs'}", *options]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(said) == 1
    assert said[0].startswith("symmetry: error: ")
    assert words in said[0]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("config", "option", "words"),
    [
        ("lens/gaussian", "--model.resolution=-1", "model.resolution must not be negative"),
        ("lens/gaussian", "--model.filter_noise=-1", "must not be negative"),
        ("stib/spiral", "--model.lambda_max=-1", "lambda_max must be at least lambda_start"),
        ("stib/spiral", "--model.max_restarts=-1", "max_restarts must not be negative"),
        ("stib/zinc_token_flow", "--model.width=-1", "width must be at least 1"),
    ],
)
def test_numbers_out_of_range_are_refused(config, option, words, tmp_path, capsys):
    path = str(config_root() / f"{config}.yaml")
    assert main(["fit", "--config", path, f"--log_root={tmp_path}", option]) == 2
    assert words in capsys.readouterr().err


def test_a_config_that_is_not_there_is_guessed(capsys):
    assert main(["fit", "--config", "stib/spiral_flo.yaml"]) == 2
    assert "did you mean stib/spiral_flow.yaml?" in capsys.readouterr().err


def test_python_callers_are_told_of_numbers_that_are_none():
    from symmetry_pl.stib import STIB

    with pytest.raises(ValueError, match=r"model\.kl_weight must be a finite number, got nan"):
        STIB(z1_dim=1, latent_dim=2, kl_weight=float("nan"))
    with pytest.raises(ValueError, match=r"model\.players\.model\.lr must be a finite number"):
        STIB(z1_dim=1, latent_dim=2, players={"model": {"lr": torch.inf}})
