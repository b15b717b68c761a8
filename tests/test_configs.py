"""Every shipped config parses, and its tiny twin runs fit → test → predict."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from loaded import assert_same_predictions, table

from symmetry_pl.cli import main
from symmetry_pl.metrics import spec
from symmetry_pl.runs.folders import config_root
from symmetry_pl.training.command import run

ROOT = config_root()
TWINS = Path(__file__).parent / "conf"
SHIPPED = sorted(
    str(p.relative_to(ROOT)) for p in ROOT.rglob("*.yaml") if p.parent.name != "trainer"
)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_config_prints_itself(name, capsys):
    with pytest.raises(SystemExit) as done:
        run(["fit", "--config", str(ROOT / name), "--print_config"])
    assert done.value.code == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    shipped = yaml.safe_load((ROOT / name).read_text())
    options = printed["model"]["init_args"]
    for key, value in shipped["model"]["init_args"].items():
        assert options[key] == value, key


def trainer_section(capsys, *names):
    """The trainer's options of spiral.yaml with overlays over it."""
    files = [ROOT / "stib/spiral.yaml", *(ROOT / f"trainer/{name}.yaml" for name in names)]
    with pytest.raises(SystemExit) as done:
        run(
            ["fit", *(word for file in files for word in ("--config", str(file))), "--print_config"]
        )
    assert done.value.code == 0
    return yaml.safe_load(capsys.readouterr().out)["trainer"]


@pytest.mark.parametrize("overlay", ["ddp", "gpu", "bf16"])
def test_trainer_overlays_lie_over_a_config(overlay, capsys):
    printed = trainer_section(capsys, overlay)
    over = yaml.safe_load((ROOT / f"trainer/{overlay}.yaml").read_text())["trainer"]
    assert {key: printed[key] for key in over} == over


def test_overlays_compose_in_any_order(capsys):
    plain = trainer_section(capsys)
    assert (plain["accelerator"], plain["devices"]) == ("auto", 1)
    one, other = (
        trainer_section(capsys, *order)
        for order in (("ddp", "gpu", "bf16"), ("bf16", "gpu", "ddp"))
    )
    assert one == other
    found = (one["accelerator"], one["devices"], one["strategy"], one["precision"])
    assert found == ("gpu", 2, "ddp", "bf16-mixed")


@pytest.mark.parametrize("name", SHIPPED)
def test_recipes_say_nothing_of_devices(name):
    trainer = yaml.safe_load((ROOT / name).read_text())["trainer"]
    assert not {"accelerator", "devices", "strategy", "num_nodes"} & set(trainer)


def test_every_config_has_a_twin():
    assert SHIPPED
    assert sorted(str(p.relative_to(TWINS)) for p in TWINS.rglob("*.yaml")) == SHIPPED


@pytest.mark.usefixtures("quick_probes")
@pytest.mark.parametrize("name", SHIPPED)
def test_tiny_twin_fits_tests_and_predicts(name, capsys, tmp_path, request, monkeypatch):
    if "mnist" in name or name == "lens/domain_adapter.yaml":
        request.getfixturevalue("fake_mnist")
        monkeypatch.setenv("SYMMETRY_DATA", str(tmp_path))
    if "isomers_" in name or "qm9" in name:
        request.getfixturevalue("small_qm9")
    if "zinc" in name or name == "stib/own_molecules.yaml":
        request.getfixturevalue("small_zinc")
    configs = ["--config", str(ROOT / name), "--config", str(TWINS / name)]
    # one validation and its figures, at the end
    once = ["--trainer.check_val_every_n_epoch=2"]
    assert main(["fit", *configs, *once]) == 0
    folder = tmp_path / "lightning_logs" / name.removesuffix(".yaml") / "version_0"
    checkpoint = folder / "checkpoints" / "last.ckpt"
    assert f"--ckpt_path {checkpoint.relative_to(tmp_path)}" in capsys.readouterr().out
    torch.load(checkpoint, weights_only=True)
    fitted = json.loads((folder / "metrics.json").read_text())["metrics"]

    # from the checkpoint alone, as its run folder has the config
    assert main(["test", "--ckpt_path", str(checkpoint)]) == 0
    assert "for comparison" in capsys.readouterr().out
    record = json.loads((folder / "metrics.json").read_text())
    repeated = {k: v for k, v in record["metrics"].items() if k.startswith("val/")}
    assert repeated == pytest.approx({k: fitted[k] for k in repeated}, abs=1e-6, nan_ok=True)
    assert {k.replace("val/", "test/") for k in repeated} <= set(record["metrics"])
    assert record["test"]["cpu_s"] > 0
    logged = [name.split("/", 1) for name in record["metrics"]]
    stages = ("train", "val", "test")
    unknown = {n for stage, n in logged if stage in stages and not spec(n).group}
    assert not unknown, f"the catalogue has no entry for {unknown}"

    assert main(["predict", "--ckpt_path", str(checkpoint)]) == 0
    lines = (folder / "predictions.csv").read_text().splitlines()
    assert len(lines) > (5 if name.startswith("sgm") else 50)
    columns = ("z0_0", "representation_0", "moved_0", "log_prob", "y_hat_0")
    assert any(column in lines[0].split(",") for column in columns)
    if "bf16" not in (ROOT / name).read_text():
        assert_same_predictions(checkpoint, table(folder / "predictions.csv"))
