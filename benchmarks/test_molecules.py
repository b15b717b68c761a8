"""Cost of molecules: spelling 250,000 of them, training on them, and setting up ZINC250k.

The file is taken from ``$SYMMETRY_DATA``; what needs it is skipped where it is absent.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from symmetry_pl.core.registry import build_named
from symmetry_pl.datamodules.files.csv_table import read_csv
from symmetry_pl.datamodules.molecules.tokens import tokenise
from symmetry_pl.datamodules.molecules.zinc_table import zinc_file
from symmetry_pl.molecules import canonical_smiles, representation
from symmetry_pl.nn.by_name import AUTOENCODERS

SAMPLE, ALL = 20_000, 249_455
SPELLINGS = ["deepsmiles", "selfies", "grammar"]
LATENT, BATCH, STEPS = 16, 512, 12

# positions, symbols and mean length of ZINC250k, roughly; ids are drawn at random
SIZES = {
    "deepsmiles": (80, 75, 40),
    "selfies": (72, 108, 37),
    "grammar": (142, 60, 68),
    "fragments": (34, 908, 10),  # 800 of SELFIES
}
# of configs/stib/isomers.yaml and configs/stib/zinc.yaml, beside length and symbols
OPTIONS = {"residual_tokens": {"width": 512, "hidden": 1024}, "gated_tokens": {"counts": 256}}
STEPPED = [("residual_tokens", name) for name in SIZES] + [("gated_tokens", "fragments")]


@pytest.fixture(scope="module")
def zinc():
    """The file of ZINC250k, which is never downloaded here."""
    root = os.environ.get("SYMMETRY_DATA")
    if root is None or not any(Path(root).glob("**/*zinc*.csv*")):
        pytest.skip("needs ZINC250k in $SYMMETRY_DATA")
    return zinc_file(root)


@pytest.fixture(scope="module")
def sample(zinc):
    """Every twelfth molecule, so that the sample is like the whole."""
    smiles = [text.strip() for text in read_csv(zinc, ["smiles"]).columns["smiles"]]
    return smiles[:: len(smiles) // SAMPLE][:SAMPLE]


def reported(capsys, line):
    with capsys.disabled():
        print(f"\n{line}")


@pytest.mark.parametrize("name", SPELLINGS)
def test_spelling_of_250k(name, sample, capsys):
    language = representation(name)
    start = time.process_time()
    texts = [language.text(language.spell(smiles)) for smiles in sample]
    spelled = time.process_time()
    vocabulary, ids = tokenise(map(language.split, texts))
    done = time.process_time()
    assert len(ids) == len(sample)
    each = ALL / len(sample)
    reported(
        capsys,
        f"{name:<11} {len(sample):,} molecules, times {each:.1f}: spelling "
        f"{each * (spelled - start):6.0f} CPU-s, ids {each * (done - spelled):5.1f} CPU-s; "
        f"L = {ids.shape[1]}, V = {len(vocabulary)} in the sample",
    )


def test_canonical_smiles_of_250k(sample, capsys):
    start = time.process_time()
    assert all(map(canonical_smiles, sample))
    spent = (time.process_time() - start) * ALL / len(sample)
    reported(capsys, f"canonical   {len(sample):,} molecules, scaled to 250k: {spent:6.0f} CPU-s")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("name", "language"), STEPPED)
def test_step(name, language, precision, capsys):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    length, symbols, mean_length = SIZES[language]
    options = {"length": length, "symbols": symbols, **OPTIONS[name]}
    network = build_named("autoencoder", AUTOENCODERS, name, (LATENT, LATENT), options)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=0.01)
    spent = []
    for _ in range(STEPS):
        x = torch.randint(1, symbols, (BATCH, length))
        x *= torch.arange(length) < torch.poisson(torch.full((BATCH, 1), float(mean_length)))
        start = time.process_time()
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            mean = network.encode(x)
            z = mean + 0.1 * torch.randn_like(mean)
            loss = network.nll(z, x).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        spent.append(time.process_time() - start)
    spent = sorted(spent[2:])
    weights = sum(p.numel() for p in network.parameters())
    reported(
        capsys,
        f"{name} {language:<11} L = {length:>3} V = {symbols:>3} {precision}  "
        f"{BATCH / spent[0]:,.0f} molecules/CPU-s best, {BATCH / spent[len(spent) // 2]:,.0f} "
        f"median, {weights / 1e6:.1f} M weights",
    )


SETUP = """
import sys, time
from symmetry_pl.datamodules import ZINCDataModule
from symmetry_pl.runs.provenance import peak_rss_mb

imports = peak_rss_mb()
start = time.process_time()
data = ZINCDataModule(root=sys.argv[1], representation=sys.argv[2], on_invalid="drop")
data.prepare_data()
data.setup()
print(f"RESULT {peak_rss_mb():.0f} MB peak, {imports:.0f} MB of it imports, "
      f"{time.process_time() - start:.1f} CPU-s")
"""


@pytest.mark.parametrize("language", SPELLINGS)
def test_memory_of_zinc(language, zinc, capsys):
    if not Path("/proc/self/status").is_file():
        pytest.skip("needs Linux's /proc")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SETUP, str(zinc), language],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (result,) = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    reported(capsys, f"ZINCDataModule {language:<11}{result.removeprefix('RESULT')}")
