"""VAE, AugVAE and InvVAE as LightningModules: players, resume, figures, what they refuse."""

import json
import math
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Callback, Trainer, seed_everything
from torch import nn

from symmetry_pl import SGM, ImageVAE
from symmetry_pl.cli import main
from symmetry_pl.core import DataDescription
from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.datamodules.images.image_data import ImageDataModule, ImageDataset
from symmetry_pl.nn.image_autoencoder import ConvolutionImageAutoencoder
from symmetry_pl.sgm import image_vae
from symmetry_pl.sgm.augmentation import hand_chosen, resampled, uniform_elements
from symmetry_pl.sgm.known_orbits import KnownOrbits, orbit_of
from symmetry_pl.sgm.vae_evaluation import image_bounds

BOUNDS = [0.1, 0.1, math.pi, 0.1, 0.1, 0.1]
SIZE = 12
GENERATIVE = {"widths": [16, 8], "layers": 2, "hidden": [8], "base_hidden": []}


def pictures(count, seed):
    """Each a bright and a less bright spot on black, turned by an angle of its own."""
    generator = torch.Generator().manual_seed(seed)
    line = torch.linspace(-1, 1, SIZE)
    y, x = torch.meshgrid(line, line, indexing="ij")
    angle = torch.rand(count, 1, 1, generator=generator) * 2 * math.pi
    far = 0.3 + 0.2 * torch.rand(count, 1, 1, generator=generator)
    side, up = far * angle.cos(), far * angle.sin()
    first = (x - side).square() + (y - up).square()
    second = (x + side).square() + (y + up).square()
    ink = torch.exp(-first / 0.05) + 0.5 * torch.exp(-second / 0.03)
    return (255 * ink.clamp(max=1)).to(torch.uint8)[:, None]


class Pictures(ImageDataModule):
    def __init__(self, count=48, batch_size=8, size=SIZE, eval_batch_size=16):
        super().__init__(None, batch_size, eval_batch_size, 0, 0)
        self.count, self.size = count, size

    @property
    def description(self):
        return DataDescription("image", (1, self.size, self.size))

    def make_split(self, split):
        images = pictures(self.count, ("train", "val", "test").index(split))
        return ImageDataset(images[:, :, : self.size, : self.size])


def trainer(epochs, **options):
    return Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def sgm(tmp_path_factory):
    """A checkpoint of an SGM that was trained for two epochs."""
    seed_everything(0, verbose=False)
    module = SGM(
        group_options={"bounds": BOUNDS, "chart": "polar"}, inference="frame",
        inference_options={"widths": [8]}, generative_options={**GENERATIVE, "dropout": 0.3},
        copies=1, invertibility=0.0, spread=None,
    )  # fmt: skip
    fitting = trainer(2, limit_val_batches=0)
    fitting.fit(module, Pictures())
    path = tmp_path_factory.mktemp("sgm") / "last.ckpt"
    fitting.save_checkpoint(path)
    return str(path)


def model(**options):
    seed_everything(0, verbose=False)
    return ImageVAE(
        **{
            "network": "mlp",
            "network_options": {"widths": [16]},
            "latent_dim": 3,
            "importance_samples": 12,
            "importance_images": 5,
            "players": {"model": {"lr": 5e-3}},
            **options,
        }
    )


KINDS = ("none", "augment", "invariant", "image", "alone", "hand")


def options_of(kind, sgm):
    return {
        "none": {},
        "augment": {"symmetry": "augment", "sgm": sgm},
        "hand": {"symmetry": "augment", "augment": {"rotation": math.pi}},
        "invariant": {"symmetry": "invariant", "sgm": sgm},
        "image": {"symmetry": "invariant", "sgm": sgm, "space": "image"},
        "alone": {"symmetry": "invariant", "standardise": True},
    }[kind]


class Watch(Callback):
    """Which parameters a batch moves."""

    def __init__(self):
        self.moved = set()

    def on_train_batch_start(self, trainer, module, *args):
        self.before = {n: p.detach().clone() for n, p in module.named_parameters()}

    def on_train_batch_end(self, trainer, module, *args):
        now = dict(module.named_parameters())
        self.moved |= {n for n, p in now.items() if not torch.equal(p, self.before[n])}


@pytest.mark.parametrize("kind", KINDS)
def test_all_move_but_the_sgm_and_every_figure_is_finite(kind, sgm):
    module, watch = model(**options_of(kind, sgm)), Watch()
    fitting = trainer(2, callbacks=[watch])
    fitting.fit(module, Pictures())
    assert watch.moved == {n for n, _ in module.named_parameters() if not n.startswith("sgm.")}
    validated = dict(fitting.callback_metrics)
    fitting.test(module, Pictures(), verbose=False)
    names = ["elbo", "mse_x", "iwlb"]
    if module.symmetry == "invariant":
        names += ["elbo_prototype", "iwlb_prototype"]
    for name in names:
        assert torch.isfinite(fitting.callback_metrics[f"test/{name}"]), name
    trained = "elbo_prototype" if kind in ("invariant", "alone") else "elbo"
    assert validated["val/objective"] == -validated[f"val/{trained}"]
    assert "val/iwlb" not in validated  # which would cost more than the epoch
    x = ImageDataset(pictures(4, 9)).__getitems__(range(4))[0]
    module.eval()
    with torch.no_grad():
        predicted = module.predict_step((x, x[:, :0], torch.arange(4)), 0)
        assert module.sample(torch.randn(4, module.noise_columns)).shape == x.shape
    assert predicted["representation"].shape == (4, 3)
    assert torch.isfinite(predicted["reconstruction"]).all()


def test_resumed_is_uninterrupted(sgm, tmp_path):
    class Keep(Callback):
        def on_train_epoch_end(self, trainer, module):
            trainer.save_checkpoint(tmp_path / f"{trainer.current_epoch}.ckpt")

    build = {**options_of("invariant", sgm), "standardise": True}
    whole = model(**build)
    trainer(3, limit_val_batches=0, callbacks=[Keep()]).fit(whole, Pictures())
    resumed = model(**build)
    last = str(tmp_path / "0.ckpt")
    trainer(3, limit_val_batches=0).fit(resumed, Pictures(), ckpt_path=last)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


@pytest.mark.parametrize("kind", ["augment", "invariant"])
def test_a_checkpoint_needs_no_file_beside_it(kind, sgm, tmp_path):
    own = tmp_path / "sgm.ckpt"
    own.write_bytes(Path(sgm).read_bytes())
    module = model(**options_of(kind, str(own)))
    fitting = trainer(1, limit_val_batches=0)
    fitting.fit(module, Pictures())
    fitting.save_checkpoint(tmp_path / "vae.ckpt")
    own.unlink()
    torch.load(tmp_path / "vae.ckpt", weights_only=True)
    again = Checkpoint.read(tmp_path / "vae.ckpt").model()
    trained = Checkpoint.read(sgm).model()
    for name, value in trained.state_dict().items():
        assert torch.equal(again.sgm.state_dict()[name], value), name
    x = ImageDataset(pictures(4, 9)).__getitems__(range(4))[0]
    with torch.no_grad():
        assert torch.equal(again.reconstruct(x), module.eval().reconstruct(x))


def test_the_sgm_stays_in_evaluation_mode(sgm):
    module = model(**options_of("augment", sgm))
    module.describe_data(Pictures().description)
    module.train()
    assert module.training
    assert not any(part.training for part in module.sgm.modules())


def test_training_images_are_drawn_anew_and_test_images_are_not(sgm, monkeypatch):
    seen = []
    weights = image_vae.GaussianVAE.log_weights

    def watched(self, x, noise):
        seen.append((self.training, x.clone()))
        return weights(self, x, noise)

    monkeypatch.setattr(image_vae.GaussianVAE, "log_weights", watched)
    module, data = model(**options_of("augment", sgm)), Pictures(count=8)
    trainer(2).fit(module, data)
    first, second = (x for training, x in seen if training)
    assert not torch.allclose(first, second)
    evaluated, *again = [x for training, x in seen if not training]
    assert torch.equal(evaluated, data.split("val").__getitems__(range(8))[0])
    assert all(torch.equal(evaluated, x) for x in again)


def test_uniform_draws_lie_in_the_bounds_and_learned_ones_in_the_data(sgm):
    trained = Checkpoint.read(sgm).model()
    x = ImageDataset(pictures(6, 9)).__getitems__(range(6))[0]
    noise = torch.randn(6, 6)
    with torch.no_grad():
        prototype, element = trained.canonicalise(x)
        orbit = orbit_of(trained, x)
        flat = resampled(trained, x, orbit, noise, learned=False)
        eta = trained.group.from_uniform(torch.special.ndtr(noise))
        change = trained.group.compose(trained.group.inverse(element), trained.group.element(eta))
        assert torch.allclose(flat, trained.group.apply(change, x))
        assert torch.equal(resampled(trained, x, orbit, noise), trained.resample(x, noise)[0])
    half = trained.group.apply(trained.group.element(eta), prototype)
    assert (half - flat).square().mean() < 0.3 * x.var()  # two warps, not one


def test_orbits_of_training_images_are_known_by_row(sgm):
    trained, images = Checkpoint.read(sgm).model(), ImageDataset(pictures(20, 0))
    images.rows = torch.arange(20).flip(0) * 3
    known = KnownOrbits(trained, images, trained.device)
    x, _, rows = images.__getitems__([7, 2, 7])
    direct, found = orbit_of(trained, x), known(rows)
    assert torch.allclose(found.element, direct.element, atol=1e-5)
    assert torch.allclose(found.features, direct.features, atol=1e-5)


def test_transformations_by_hand_are_those_that_are_named():
    group = hand_chosen({"rotation": math.pi})
    x = ImageDataset(pictures(3, 9)).__getitems__(range(3))[0]
    quarter = torch.special.ndtri(torch.full((3, 6), 0.75, dtype=torch.float64)).float()
    turned = group.apply(uniform_elements(group, quarter), x)
    assert torch.allclose(turned, torch.rot90(x, 1, (2, 3)), atol=1e-4)


def test_bounds_depend_on_the_place_alone(sgm):
    module = model(**options_of("invariant", sgm))
    module.describe_data(Pictures().description)
    module.eval().double()
    x = ImageDataset(pictures(6, 9)).__getitems__(range(6))[0].double()
    places = torch.arange(6)
    with torch.no_grad():
        whole = image_bounds(module, x, places, 25)
        parts = torch.cat([image_bounds(module, x[i::2], places[i::2], 25) for i in range(2)])
    assert whole.shape == (6, 2)
    assert torch.allclose(whole, parts[[0, 3, 1, 4, 2, 5]])


def test_more_draws_give_a_tighter_bound_on_average():
    module = model()
    trainer(2, limit_val_batches=0).fit(module, Pictures())
    module.eval()
    x = ImageDataset(pictures(48, 9)).__getitems__(range(48))[0]
    with torch.no_grad():
        few, many = (image_bounds(module, x, torch.arange(48), k).mean() for k in (1, 60))
    assert many > few + 0.05


def test_a_model_learns_its_pictures():
    """300 steps halve what is left without a code."""
    module = model(
        standardise=True,
        players={"model": {"lr": 1e-2, "clip_norm": None}, "noise": {"lr": 1e-2}},
        network_options={"widths": [64]},
    )
    fitting = trainer(20)
    fitting.fit(module, Pictures(count=240, batch_size=16))
    x = Pictures(count=240).split("val").__getitems__(range(240))[0]
    alone = (x - x.mean(0)).square().mean()
    assert fitting.callback_metrics["val/mse_x"] < 0.5 * alone


def test_the_decoder_starts_at_the_data_where_it_is_asked_to():
    data = Pictures(count=8)
    options = {"players": {name: {"lr": 1e-9} for name in ("model", "noise")}}
    module = model(standardise=True, **options)
    trainer(1, limit_val_batches=0).fit(module, data)
    x = data.split("train").__getitems__(range(8))[0]
    assert torch.allclose(module.vae.offset, x.mean(0), atol=1e-5)
    deviation = x.std(0, unbiased=False).clamp(min=0.02)
    assert torch.allclose(module.vae.noise_scale, deviation, atol=1e-4)


def test_networks_of_the_paper():
    """Two convolutions of stride 2 and their mirror image, codes at 0 ± 1 to begin with."""
    networks = ConvolutionImageAutoencoder((1, 28, 28), 20, (64, 128, 256))
    kinds = [type(layer) for layer in networks.decoder if "Conv" in type(layer).__name__]
    assert kinds == [nn.ConvTranspose2d] * 3 + [nn.Conv2d]
    strides = [layer.stride for layer in networks.decoder if isinstance(layer, nn.ConvTranspose2d)]
    assert strides == [(1, 1), (2, 2), (2, 2)]
    channels = [layer.out_channels for layer in networks.encoder if isinstance(layer, nn.Conv2d)]
    assert channels == [64, 128, 256, 3]
    vae = image_vae.GaussianVAE(networks, 20, (1, 28, 28))
    mean, scale = vae.posterior(torch.rand(2, 1, 28, 28))
    assert torch.equal(mean, torch.zeros(2, 20))
    assert torch.allclose(scale, torch.ones(2, 20))
    assert torch.allclose(vae.noise_scale, torch.ones(1, 28, 28))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"symmetry": "augment"}, "an AugVAE needs model.sgm, a trained SGM, or model.augment"),
        ({"augment": {"rotation": 1.0}}, "model.augment is for model.symmetry augment"),
        ({"sgm": {}}, "model.symmetry is none"),
        ({"symmetry": "equal"}, "model.symmetry must be none, augment or invariant"),
        ({"symmetry": "augment", "augment": {"turn": 1.0}}, "model.augment has no 'turn'"),
        ({"symmetry": "augment", "augment": {"rotation": 0.0}}, "all 0"),
        ({"importance_samples": -1}, "importance_samples must be at least 0"),
        ({"network": "transformer"}, "network must be one of"),
        ({"network_options": {"filters": [3]}}, "network_options has no option 'filters'"),
        ({"network": "conv", "network_options": {"filters": []}}, "filters must be positive"),
        ({"pose_every": 0}, "pose_every and model.latent_dim must be at least 1, got 0"),
        ({"latent_dim": 0}, "latent_dim must be at least 1, got 1 and 0"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        model(**options).describe_data(Pictures().description)


def test_files_that_are_no_sgm_are_refused(sgm, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.sgm: there is no checkpoint"):
        model(symmetry="invariant", sgm=str(tmp_path / "none.ckpt"))
    module = model()
    fitting = trainer(1, limit_val_batches=0)
    fitting.fit(module, Pictures())
    fitting.save_checkpoint(tmp_path / "vae.ckpt")
    with pytest.raises(ValueError, match="holds a ImageVAE, which is no SGM"):
        model(symmetry="invariant", sgm=str(tmp_path / "vae.ckpt"))
    with pytest.raises(ValueError, match=r"was trained on images of \(1, 12, 12\), and these have"):
        model(**options_of("invariant", sgm)).describe_data(Pictures(size=10).description)


def test_a_flow_that_has_seen_nothing_is_not_drawn_from():
    untrained = {"inference_options": {"widths": []}, "spread": None, "group_options": {
        "bounds": BOUNDS, "chart": "polar"}, "generative_options": GENERATIVE}  # fmt: skip
    module = model(symmetry="augment", sgm=untrained)
    with pytest.raises(ValueError, match=r"its p\(η \| x̂\) was not trained"):
        trainer(1, limit_val_batches=0).fit(module, Pictures())
    uniform = model(symmetry="augment", sgm=untrained, draws="uniform")
    trainer(1, limit_val_batches=0).fit(uniform, Pictures())
    assert uniform.batches_seen == 6


def test_a_run_goes_on_and_is_tested_without_the_file_of_its_sgm(sgm, tmp_path, capsys):
    """The command line: the checkpoint says what the SGM is, whatever config and file say."""
    own = tmp_path / "sgm.ckpt"
    own.write_bytes(Path(sgm).read_bytes())
    data = [
        "--data.class_path=test_vae.Pictures",
        "--data.batch_size=8",
        "--trainer.enable_progress_bar=false",
    ]
    small = ["--model.network_options={widths: [8]}", "--model.importance_samples=2"]
    fit = ["fit", "--config", "sgm/paper/mnist_vae.yaml", "--run_name=vae", *data, *small]
    fit += ["--model.network=mlp", "--model.symmetry=invariant", f"--model.sgm={own}"]
    fit += ["--trainer.log_every_n_steps=1", "--trainer.check_val_every_n_epoch=1"]
    assert main([*fit, "--trainer.max_epochs=1"]) == 0
    own.unlink()
    last = "lightning_logs/vae/version_0/checkpoints/last.ckpt"
    assert main([*fit, "--trainer.max_epochs=2", f"--ckpt_path={last}"]) == 0
    assert main(["test", "--ckpt_path", last]) == 0
    assert "importance-weighted bound of log p(x)" in capsys.readouterr().out
    record = json.loads(Path("lightning_logs/vae/version_0/metrics.json").read_text())
    assert record["batches"] == 12
