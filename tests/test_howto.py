"""The how-to pages: every block of every page is run, and what a page says comes out does.

A page is read from top to bottom, in a folder of its own:

- a ``csv`` block after a line that ends in a name in backticks is the head of that file, to which
  rows are added; where the file is there already it is the line of its columns (the names of the
  arrays of a ``.npz`` file), ``…`` standing for some of them;
- a ``yaml`` block is written to the file that is named so, and a ``python`` block after a name
  that ends in ``.py``;
- commands of ``sh`` blocks are other programs': they are parsed, and what they run of ours is;
- ``bash`` and ``python`` blocks are run, with training shortened by a config laid over the
  reader's; names of ``text`` blocks must be there;
- tables of files and of figures name what a run has left and what its test has printed;
- quotes are what the program says, ``…`` standing for anything: all of them are said, and every
  mistake that is made here is quoted.
"""

import csv
import io
import re
import shlex
import subprocess
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from small_zinc import write_zinc
from torch.distributed.run import get_args_parser

import symmetry_pl
from symmetry_pl.cli import main

pytestmark = pytest.mark.usefixtures("quick_probes", "quick_figures")

FOLDER = Path(__file__).parents[1] / "docs" / "howto"
PAGES = sorted(FOLDER.glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"`([^`\s]+)`")
LONGEST = {"yaml": 25, "python": 10, "sh": 20}
LONGEST_FILE = 50  # of Python that is written to a file
PROGRAM = {"sweeps": 20}  # pages whose Python is a program


@pytest.fixture
def quick_figures(monkeypatch):
    """Figures are composed, but not drawn: that is tested elsewhere, and half of the time here."""
    blank = np.zeros((8, 8, 3), np.uint8)
    monkeypatch.setattr("symmetry_pl.callbacks.figures._rendered", lambda picture: blank)


# -- what a reader has -----------------------------------------------------------------------------

HIDDEN = [3, 0, 5, 1, 6, 2, 4]  # the column at each position of the signals


def rng():
    """A generator of its own for each file: tests must not depend on their order."""
    return np.random.default_rng(0)


def reactions():
    """240 rows whose yield is a function of temperature, acidity and loading, and noise."""
    draw = rng()
    kinds = draw.choice(["Pd", "Ni", "Cu"], 240)
    numbers = draw.uniform([20, 3, 5, 0.5], [120, 11, 180, 5], (240, 4)).round(2)
    heat, ph, minutes, loading = numbers.T
    found = 60 + 0.3 * (heat - 70) - 1.5 * (ph - 7) ** 2 + 3 * np.log(loading)
    found += draw.normal(0, 2, 240)
    for i, kind in enumerate(kinds):
        cells = f"{heat[i]},{ph[i]},{round(minutes[i])},{loading[i]},{kind}"
        yield f"R{i + 5:03d},{cells},{found[i]:.1f}"


def signals():
    """3,996 windows of seven places on narrow waveforms at random places, in a hidden order."""
    draw = rng()
    centres, heights = draw.uniform(-3, 10, (3996, 2, 1)), draw.laplace(size=(3996, 2, 1))
    x = (heights * np.exp(-((np.arange(7) - centres) ** 2))).sum(1)
    hidden = np.empty_like(x)
    hidden[:, HIDDEN] = x + 0.01 * draw.normal(size=x.shape)
    for row in 20 + hidden:
        yield ",".join(f"{value:.3f}" for value in row)


def shapes(count=60):
    """Bytes ``(count, 32, 32)``: bars, and ellipses with a notch, turned and shifted, on black."""
    draw = rng()
    y, x = np.mgrid[:32, :32] - 15.5
    images = np.zeros((count, 32, 32), np.uint8)
    for i in range(count):
        angle, dx, dy = draw.uniform([0, -3, -3], [2 * np.pi, 3, 3])
        u = (x - dx) * np.cos(angle) + (y - dy) * np.sin(angle)
        v = (y - dy) * np.cos(angle) - (x - dx) * np.sin(angle)
        bar = (np.abs(u) < 8) & (np.abs(v) < 3)
        notched = ((u / 8) ** 2 + (v / 5) ** 2 < 1) & ~((u > 2) & (np.abs(v) < 1.5))
        images[i][notched if i % 2 else bar] = 220
    return images


def molecules(count):
    """Rows of molecules of QM9 with a made-up log P."""
    with write_zinc(Path()).open() as file:
        rows = list(csv.DictReader(file))[:count]
    yield "C1CC,no molecule,1.0"
    for i, row in enumerate(rows):
        yield f"{row['smiles']},M{i},{float(row['qed']):.2f}"


def folder_of(images, name):
    Path(name).mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image).save(f"{name}/{i:03d}.png")


def image_files():
    folder_of(shapes(), "shapes")
    np.save("shapes.npy", shapes())
    folder_of(shapes(3), "new_shapes")


def cloud_files():
    """Two objects of 20 points, each turned by quarters about z, their points in any order."""
    draw = rng()
    objects = draw.normal(size=(2, 20, 3))
    objects -= objects.mean(1, keepdims=True)
    Path("scans").mkdir()
    for i in range(300):
        angle = np.pi / 2 * draw.integers(4)
        turn = np.eye(3)
        turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        points = draw.permutation(objects[i % 2] @ turn.T)
        lines = [" ".join(["C", *(f"{value:.4f}" for value in point)]) for point in points]
        Path(f"scans/{i:03d}.xyz").write_text("\n".join(["20", f"scan {i}", *lines, ""]))


ROWS = {
    "reactions.csv": reactions,
    "signals.csv": signals,
    "molecules.csv": lambda: molecules(120),
    "own.csv": lambda: molecules(45),
}
"""Rows behind the head that a page shows of a file."""

# -- training, shortened ---------------------------------------------------------------------------

_ONCE = {"max_epochs": 1, "log_every_n_steps": 1, "limit_val_batches": 0}
_TINY = {"width": 16, "hidden": 16, "blocks": 1, "embedding": 8, "counts": 8}
_FLOW = {"encoder": "conv", "widths": [16], "hidden": [8], "base_hidden": [8], "layers": 2}
_SPIRAL = {
    "trainer": {**_ONCE, "limit_val_batches": 1, "check_val_every_n_epoch": 1},
    "data": {"init_args": {"batch_size": 64, "samples_per_epoch": 256, "eval_samples": 200}},
}
SHORT = {
    "table": {"trainer": _ONCE, "data": {"init_args": {"samples_per_epoch": 1024}}},
    "signals": {"trainer": _ONCE},
    "images": {
        "trainer": {**_ONCE, "max_epochs": 2},
        "model": {
            "init_args": {
                "generative_options": {**_FLOW, "scale": "data"},
                "inference_options": {"widths": [8]},
                "orbit_images": 4,
                "orbit_size": 2,
            }
        },
    },
    "smiles": {
        "trainer": _ONCE,
        "model": {"init_args": {"width": 16, "blocks": 1, "encoder_options": _TINY}},
        "data": {"init_args": {"batch_size": 32, "test_fraction": 0.35}},
    },
    "own_method": {"trainer": _ONCE},
    "own_group": {
        "trainer": {**_ONCE, "max_epochs": 2},
        "model": {
            "init_args": {
                "generative_options": {**_FLOW, "scale": "data"},
                "inference_options": {"widths": [8]},
                "orbit_images": 4,
                "orbit_size": 2,
            }
        },
    },
    "scale_only": {
        "trainer": {**_ONCE, "max_epochs": 8},
        "model": {
            "init_args": {
                "generative_options": {**_FLOW, "scale": "data"},
                "orbit_images": 4,
                "orbit_size": 2,
            }
        },
    },
    "clouds": {
        "trainer": {"max_epochs": 2, "check_val_every_n_epoch": 2, "log_every_n_steps": 1},
        "model": {"init_args": {"orbit_images": 4, "orbit_size": 2}},
    },
    "loggers": _SPIRAL,
    "sweeps": _SPIRAL,
    "fine_tuning": {
        "trainer": {
            "max_epochs": 1,
            "check_val_every_n_epoch": 1,
            "log_every_n_steps": 1,
            "limit_train_batches": 1,
        },  # validated, as the page tests best.ckpt
        "data": {"init_args": {"batch_size": 16}},
    },
}
"""By page; all but the trainer's are options of the page's own classes."""


def shortened(words, page):
    """The words of a command, with less to do."""
    if words[0] == "fit":
        Path("short.yaml").write_text(yaml.safe_dump(SHORT[page]))
        return [*words, "--config", "short.yaml"]
    return [*words, "--n", "3"] if words[0] == "generate" else words


# -- mistakes, in the order of the page ------------------------------------------------------------


def edited(path, **lines):
    """The words for a file that has been changed: ``line_8="…"``, or ``every`` line by a function.

    The file as it was is put back by the next one.
    """
    kept = Path(f"{path}.kept")
    if not kept.exists():
        kept.write_bytes(Path(path).read_bytes())
    text = kept.read_text().splitlines()
    for name, change in lines.items():
        if name == "every":
            text = [change(line) for line in text]
        else:
            number = int(name.removeprefix("line_")) - 1
            text[number] = change(text[number]) if callable(change) else change
    Path(path).write_text("\n".join(text) + "\n")


def cell(column, value):
    """A change of a line: this value in a column."""

    def change(line):
        cells = line.split(",")
        return ",".join([*cells[:column], value, *cells[column + 1 :]])

    return change


def table_mistakes():
    fit = "fit --config stib/table.yaml --run_name reactions --data.path reactions.csv"
    edited("reactions.csv", line_8=cell(1, ""), line_10=cell(2, "n/a"), line_13=cell(2, "> 7"))
    yield f"{fit} --data.targets [yield]"
    edited("reactions.csv")
    yield f"{fit} --data.targets [Yield]"
    yield f"{fit} --data.targets [yield] --data.inputs [temperature,pH,catalyst]"
    yield fit
    edited("new.csv", every=lambda line: ",".join(line.split(",")[i] for i in (0, 2, 1)))
    yield "predict --run_name reactions --ckpt_path last --data.path new.csv"


def signals_mistakes():
    fit = "fit --config lens/gaussian.yaml --run_name signals --data ArrayDataModule"
    fit += " --data.batch_size 1000 --data.file"
    edited("signals.csv", line_7=cell(3, ""))
    yield f"{fit} signals.csv"
    edited("signals.csv", every=lambda line: f"{line},0", line_1="a,b,c,d,e,f,g,h")
    yield f"{fit} signals.csv"
    edited("signals.csv", every=lambda s: f"{s},{s.split(',')[0]}", line_1="a,b,c,d,e,f,g,h")
    yield f"{fit} signals.csv"
    text = Path("signals.csv.kept").read_text().splitlines()[1:]
    Path("signals.csv").write_text("\n".join(f"2024-01-01,{line}" for line in text))
    yield f"{fit} signals.csv"
    edited("signals.csv")
    np.save("signals.npy", np.loadtxt("signals.csv", delimiter=",", skiprows=1).T)
    yield f"{fit} signals.npy"
    yield f"{fit} signals.csv --data.batch_size 10000"


def images_mistakes():
    fit = "fit --config sgm/mnist_affine.yaml --run_name shapes --data ImagesDataModule"
    fit += " --data.batch_size 48 --data.path"
    odd = np.arange(600, dtype=np.uint8).reshape(20, 30)
    Image.fromarray(odd).save("shapes/odd.png")
    yield f"{fit} shapes"
    Path("shapes/003.png").write_bytes(b"no image")
    Image.fromarray(np.zeros((32, 32), np.uint8)).save("shapes/blank.png")
    yield f"{fit} shapes --data.resize [32,32]"
    np.save("shapes.npy", shapes().astype(np.float32))
    yield f"{fit} shapes.npy"
    np.save("shapes.npy", shapes()[:, None])
    yield f"{fit} shapes.npy"
    np.save("shapes.npy", 255 - shapes())  # warned of, and then the phase of the next quote
    yield f"{fit} shapes.npy --trainer.max_epochs 1"


def smiles_mistakes():
    edited(
        "molecules.csv", line_3="C1CC,a,1", line_4="*CCO,b,1", line_5="CCC,c,", line_6="CCCC,d,1"
    )
    fit = "fit --config molecules.yaml"
    yield f"{fit} --data.on_invalid raise"
    edited("molecules.csv")
    yield f"{fit} --data.smiles_column SMILES"
    edited("molecules.csv", every=lambda line: line.replace(",", "/"))
    yield fit
    edited("molecules.csv")
    edited("series.csv", line_2="CC[Se]C,selenide")
    yield (
        "predict --run_name molecules --ckpt_path last --data PredictionCSVDataModule "
        "--data.path series.csv --data.on_invalid raise"
    )
    yield (
        "generate --ckpt_path lightning_logs/molecules/version_0/checkpoints/last.ckpt "
        "--property logP=1.5 --out other.csv"
    )


def fine_tuning_mistakes():
    fit = "fit --config stib/own_molecules.yaml --data.path own.csv"
    named = f"{fit} --data.property_columns [logp]"
    yield f"{named} --init_from zinc-tokn-flow"
    yield f"{named} --model.width 128"
    yield f"{named} --data.fragments 100"
    Path("few.csv").write_text("\n".join(Path("own.csv").read_text().splitlines()[:40]))
    yield f"{named} --data.path few.csv"
    yield f"{named} --ckpt_path zinc-token-flow"
    yield fit


def clouds_mistakes():
    fit = "fit --config sgm/clouds_unordered.yaml --config scans.yaml --run_name scans"
    yield f"{fit} --data.path nothing"
    yield f"{fit} --model.group gl2"
    Path("scans/007.xyz").write_text("no cloud\n")
    yield fit


def canonicaliser_mistakes():
    canonicaliser = symmetry_pl.Canonicaliser.from_checkpoint("mnist-rigid-sgm")
    bright = torch.zeros(1, 1, 28, 28)
    bright[..., 0] = 255
    yield lambda: canonicaliser(bright)
    yield lambda: canonicaliser.before(torch.nn.Flatten(), votes=100)


def checkpoint_to_numpy_mistakes():
    def run(name):
        return symmetry_pl.load(f"lightning_logs/{name}/version_0/checkpoints/last.ckpt")

    molecules = symmetry_pl.load("zinc-token-flow")
    yield lambda: molecules.predict(["CCO", "C1CC"])
    yield lambda: molecules.predict("CCO")
    yield lambda: symmetry_pl.load("zinc-tokn-flow")
    yield lambda: run("reactions").predict(np.zeros((1, 3)))
    yield lambda: molecules.generate(3, fixed={"qed": 0.9})
    yield lambda: run("signals").predict(np.zeros((1, 7)))


# -- reading a page --------------------------------------------------------------------------------


def is_file(name):
    """Whether a name in backticks may be that of a file."""
    return re.fullmatch(r"[\w…]+\.\w+", name) is not None


def blocks(page):
    """Kind, text, and the name in backticks that is nearest above, of every block."""
    text = page.read_text()
    for found in BLOCK.finditer(text):
        above = text[: found.start()].rstrip().rpartition("\n")[2]
        names = NAMED.findall(above)
        yield found[1], found[2], names[-1] if names and is_file(names[-1]) else None


def commands(text):
    """The words of every command of a block, without ``symmetry``."""
    lines = [shlex.split(line, comments=True) for line in text.replace("\\\n", " ").splitlines()]
    assert all(words[0] == "symmetry" for words in lines)
    return [words[1:] for words in lines]


def understood(words):
    """The parser takes a command, without running it."""
    with pytest.raises(SystemExit) as done:
        main([*words, "--print_config"])
    assert done.value.code == 0, words


def check_shell(text):
    """A shell can read a block, and ours can read what it asks of us."""
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for line in text.replace("\\\n", " ").splitlines():
        words = [word for word in shlex.split(line, comments=True) if word != "$resume"]
        if words[:1] == ["torchrun"]:
            asked = get_args_parser().parse_args(words[1:])
            assert (asked.training_script, asked.module) == ("symmetry_pl", True)
            understood(asked.training_script_args)
        elif words[:2] == ["srun", "symmetry"]:
            understood(words[2:])
        else:
            known = ("export", "tensorboard", "if", "resume=", "scontrol")
            assert not words or words[0] in known, line


def quotes(page):
    return re.findall(r"^> (.*)$", page.read_text(), re.MULTILINE)


def cells(page, title):
    """Names in the first column of the page's table of that title."""
    found = re.search(rf"^\| {title} \|.*?(?=\n\n)", page.read_text() + "\n", re.S | re.M)
    if found is None:
        return []
    first = [re.split(r"(?<!\\)\|", line)[1] for line in found[0].splitlines()[2:]]
    return [name.replace("\\|", "|") for text in first for name in re.findall(r"`([^`]+)`", text)]


def pattern(text):
    """``…`` stands for anything."""
    return re.compile(".*".join(map(re.escape, text.split("…"))))


class Reader:
    """Who does what a page says, and notes what the program answers."""

    def __init__(self, page):
        self.page, self.name, self.names = page, page.stem, {}
        self.said = []
        self.columns = []  # of files that are there when the page has been read

    def listen(self, call):
        """The result of a call; what it prints and warns of is noted."""
        text = io.StringIO()
        with (
            redirect_stdout(text),
            redirect_stderr(text),
            warnings.catch_warnings(record=True) as warned,
        ):
            warnings.simplefilter("always")
            result = call()
        said = [*text.getvalue().splitlines(), *(str(one.message) for one in warned)]
        self.said += [line.removeprefix("symmetry: error: ") for line in said]
        return result

    def command(self, words):
        code = self.listen(lambda: main(shortened(words, self.name)))
        assert code == 0, (words, self.said[-1])

    def block(self, kind, text, name):
        if kind == "bash" and self.name == "clusters":  # more devices than there are here
            for words in commands(text):
                self.listen(lambda words=words: understood(words))
        elif kind == "bash":
            for words in commands(text):
                self.command(words)
        elif kind == "sh":
            check_shell(text)
        elif kind == "python" and name is not None:
            Path(name).write_text(text)
        elif kind == "python":
            self.listen(lambda: exec(text, self.names))
        elif kind == "yaml":
            Path(name).write_text(text)
        elif kind == "text":
            assert all(Path(line).exists() for line in text.splitlines())
        else:
            assert kind == "csv"
            self.table(text.splitlines(), name)

    def table(self, lines, name):
        if len(lines) == 1:
            self.columns.append((name, lines[0]))
        else:
            assert len(lines) == 5  # what a reader can see at a glance
            rows = ROWS[name]() if name in ROWS else []
            Path(name).write_text("".join(f"{line}\n" for line in [*lines, *rows]))

    def check_columns(self, name, line):
        """The newest file of that name has these columns, or arrays."""
        newest = max(Path().rglob(name), key=lambda path: path.stat().st_mtime_ns)
        if newest.suffix == ".npz":
            with np.load(newest) as arrays:
                assert sorted(arrays) == sorted(line.split(","))
        else:
            assert pattern(line).fullmatch(newest.read_text().splitlines()[0]), name

    def mistake(self, made):
        """Make one, and give what is said of it."""
        before = len(self.said)
        if callable(made):
            with pytest.raises((ValueError, FileNotFoundError)) as error:
                made()
            self.said.append(str(error.value))
        else:
            words = shlex.split(made)
            assert self.listen(lambda: main(words)) == 2, made
        return self.said[before:]


READY = {
    "images": image_files,
    "clouds": cloud_files,
    "own_group": lambda: np.save("shapes.npy", shapes()),
}
"""What a page has beside the files that it shows."""


def before(page):
    """Runs of other pages that the last page begins with, and the files that it reads."""
    for name in ("table", "signals", "images"):
        reader = Reader(FOLDER / f"{name}.md")
        READY.get(name, lambda: None)()
        for kind, text, file in blocks(reader.page):
            fits = (
                [words for words in commands(text) if words[0] == "fit"] if kind == "bash" else []
            )
            if kind in ("csv", "yaml") and (kind == "yaml" or text.count("\n") > 1):
                reader.block(kind, text, file)
            runs = {"table": "reactions", "signals": "signals", "images": "array"}
            for words in fits:
                if runs[name] in words and not Path("lightning_logs", runs[name]).exists():
                    reader.command(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    if page.stem == "sweeps":
        pytest.importorskip("optuna", reason="the page's search is Optuna's, which is not here")
        make = main
        monkeypatch.setattr("symmetry_pl.cli.main", lambda words: make(shortened(words, "sweeps")))
    reader = Reader(page)
    READY.get(page.stem, lambda: None)()
    if page.stem == "checkpoint_to_numpy":
        before(page)
    for kind, text, name in blocks(page):
        reader.block(kind, text, name)

    runs = [*Path("lightning_logs").glob("*/version_*")]
    for name in cells(page, "file"):
        assert any((run / name).exists() for run in runs), name
    printed = "\n".join(reader.said)
    for name in cells(page, "figure"):
        assert f"\n{name} " in printed, name

    quoted = {text: pattern(text) for text in quotes(page)}
    for made in globals().get(f"{page.stem}_mistakes", tuple)():
        said = reader.mistake(made)
        assert any(one.fullmatch(line) for one in quoted.values() for line in said), said
    for text, one in quoted.items():
        assert any(one.fullmatch(line) for line in reader.said), text
    for name, line in reader.columns:
        reader.check_columns(name, line)
    check = globals().get(f"check_{page.stem}")
    if check is not None:
        check(reader.names)


def check_signals(names):
    """The hidden order is what the page's program has printed, from either end."""
    assert names["order"].tolist() in (HIDDEN, HIDDEN[::-1])
    assert np.allclose(names["again"], names["x"], atol=1e-3)


def check_canonicaliser(names):
    """What the gate leaves alone keeps its pixels, what was moved comes back; a graph agrees."""
    images, moved = names["images"][200:], names["found"].moved
    assert names["logits"].shape == (len(images), 10)
    assert names["alone"] > 0.8
    assert torch.equal(names["canonical"][~moved], images[~moved])
    assert (names["again"] - images).square().mean() < 0.02 * images.square().mean()
    given = names["images"][:4].numpy()[:, 0]
    prototypes = symmetry_pl.load("mnist-affine-sgm").transform(given)
    assert np.allclose(prototypes, names["prototypes"][:, 0].numpy(), atol=1e-3)
    assert names["batch"].shape == (32, 1, 28, 28)


def check_scale_only(names):
    """Log scales are those that the digits were made with, and draws have their spread."""
    assert max(names["errors"].values()) < 0.05
    assert names["agreement"] > 0.8
    assert 0.5 < names["drawn"].std() / names["found"].std() < 2


def check_checkpoint_to_numpy(names):
    """What stays does, and what is given back is what was given."""
    assert np.ptp(names["same"]) < 1e-3
    assert np.ptp(names["other"], axis=0).min() > 0
    assert np.allclose(names["again"].shape, names["images"].shape)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_are_short(page):
    for kind, text, name in blocks(page):
        longest = LONGEST.get(kind, 10)
        if kind == "python":
            longest = LONGEST_FILE if name is not None else PROGRAM.get(page.stem, longest)
        assert len(text.splitlines()) <= longest, text
        assert kind != "yaml" or name.endswith(".yaml")


def test_every_page_is_in_the_indices():
    for index in (FOLDER.parents[1] / "README.md", FOLDER.parent / "python.md"):
        text = index.read_text()
        assert [page.name for page in PAGES if f"howto/{page.name}" not in text] == []
