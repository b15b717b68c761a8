"""Cost of a training step of every shipped config, through the command line as users run it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from symmetry_pl.runs.folders import config_root

ROOT = config_root()
CONFIGS = sorted(
    str(p.relative_to(ROOT)) for p in ROOT.rglob("*.yaml") if p.parent.name != "trainer"
)

SCRIPT = """
import sys, time
from pytorch_lightning import Callback
from symmetry_pl.runs.provenance import peak_rss_mb
from symmetry_pl.training.command import main
from symmetry_pl.training.symmetry_cli import SymmetryCLI

class Clock(Callback):
    def on_train_batch_end(self, trainer, module, *args):
        if module.batches_seen == 50:
            self.start = time.process_time()
        if module.batches_seen == 249:
            spent = (time.process_time() - self.start) / 199
            size = trainer.datamodule.batch_size
            print(f"RESULT {1e3 * spent:.2f} ms/step {size / spent:,.0f} samples/s "
                  f"{peak_rss_mb():.0f} MB")
            trainer.should_stop = True

callbacks = SymmetryCLI._callbacks
SymmetryCLI._callbacks = lambda self, options: [*callbacks(self, options), Clock()]
main(sys.argv[1:])
"""


@pytest.mark.parametrize("name", CONFIGS)
def test_step(name, tmp_path, capsys):
    arguments = ["fit", "--config", str(ROOT / name), "--trainer.limit_val_batches=0"]
    arguments += ["--trainer.max_epochs=50"]  # some are shorter than the 250 steps
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments, f"--log_root={tmp_path}", "--threads=1"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:  # such as data that are not there
        pytest.fail(done.stderr.strip().splitlines()[-1], pytrace=False)
    (result,) = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    with capsys.disabled():
        print(f"\n{name:<38}{result.removeprefix('RESULT')}")
