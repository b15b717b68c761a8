"""SGM as a LightningModule: phases, players, resume, what it refuses."""

import math

import pytest
import torch
from pytorch_lightning import Callback, Trainer, seed_everything

from symmetry_pl import SGM
from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules.images.image_data import ImageDataModule, ImageDataset
from symmetry_pl.sgm import prototype_module
from symmetry_pl.sgm import sgm as sgm_file

BOUNDS = [0.1, 0.1, math.pi, 0.1, 0.1, 0.1]
SIZE = 12
GENERATIVE = {"widths": [16, 8], "layers": 2, "hidden": [8], "base_hidden": []}


def pictures(count, seed):
    """Each a bright and a less bright spot on black."""
    generator = torch.Generator().manual_seed(seed)
    line = torch.linspace(-1, 1, SIZE)
    y, x = torch.meshgrid(line, line, indexing="ij")
    places = torch.rand(count, 2, generator=generator) * 0.4 - 0.2
    first = (x - places[:, :1, None]).square() + (y - places[:, 1:, None]).square()
    second = (x - 0.4).square() + (y - places[:, 1:, None]).square()
    ink = torch.exp(-first / 0.05) + 0.5 * torch.exp(-second / 0.03)
    return (255 * ink.clamp(max=1)).to(torch.uint8)[:, None]


class Pictures(ImageDataModule):
    def __init__(self, count=48, batch_size=8):
        super().__init__(None, batch_size, 16, 0, 0)
        self.count = count

    @property
    def description(self):
        return DataDescription("image", (1, SIZE, SIZE))

    def make_split(self, split):
        return ImageDataset(pictures(self.count, ("train", "val", "test").index(split)))


def model(**options):
    seed_everything(0, verbose=False)
    return SGM(
        **{
            "group_options": {"bounds": BOUNDS, "chart": "polar"},
            "inference": "mlp",
            "inference_options": {"widths": [16, 8]},
            "generative_options": GENERATIVE,
            "phases": {"ssl": "50 %"},
            "copies": 2,
            "orbit_images": 8,
            "orbit_size": 3,
            **options,
        }
    )


def fit(module, epochs, **options):
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    trainer.fit(module, Pictures(), ckpt_path=options.pop("ckpt_path", None))
    return trainer


class Watch(Callback):
    """Which players' parameters move in each phase."""

    def __init__(self):
        self.moved = {}

    def on_train_batch_start(self, trainer, module, *args):
        self.before = {n: p.detach().clone() for n, p in module.named_parameters()}
        self.phase = module.phase

    def on_train_batch_end(self, trainer, module, *args):
        changed = {n for n, p in module.named_parameters() if not torch.equal(p, self.before[n])}
        self.moved.setdefault(self.phase, set()).update(changed)


def test_each_phase_moves_its_own_players_and_all_of_them():
    module, watch = model(), Watch()
    fit(module, 4, limit_val_batches=0, callbacks=[watch])
    names = {n for n, _ in module.named_parameters()}
    flow = {n for n in names if n.startswith("generative.")}
    assert watch.moved["ssl"] == names - flow
    assert watch.moved["mle"] == flow
    assert bool(module.fitted)


def test_blur_fades_and_rates_follow_their_phase(monkeypatch):
    widths, rates = [], []

    class Rates(Callback):
        def on_train_batch_end(self, trainer, module, *args):
            optimisers = {name: module.player_optimizer(name) for name in module.players}
            rates.append({name: o.param_groups[0]["lr"] for name, o in optimisers.items()})

    monkeypatch.setattr(sgm_file, "gaussian_blur", lambda x, width: widths.append(width) or x)
    module = model(blur=2.0, blur_for="50 %", phases={"ssl": "2 epochs"})
    fit(module, 4, limit_val_batches=0, callbacks=[Rates()])
    assert widths == pytest.approx([2 - b / 3 for b in range(6)] + [0.0] * 6)  # of 6 batches
    inference, flow = ([r[name] for r in rates] for name in ("inference", "flow"))
    # warm-up over a fifth of 12 batches, then half a cosine; at rest, the ends
    assert inference[:2] == pytest.approx([3e-6, 3e-4 * (0.01 + 0.99 / 2.4)])
    assert inference[12:] == pytest.approx([3e-7] * 12)
    assert flow[:13] == pytest.approx([3e-4] * 13)
    share = (11 - 2.4) / (12 - 2.4)
    assert flow[23] == pytest.approx(3e-3 * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * share))))


@pytest.mark.parametrize("scale", ["bounds", "data"])
def test_validation_and_test_log_every_figure(scale):
    options = {**GENERATIVE, "scale": scale}
    trainer = fit(model(generative_options=options), 2)
    metrics = trainer.callback_metrics
    for name in ("mse", "prototype_spread", "prototype_spread_direct", "prototype_spread_floor",
                 "iterate_ratio_1", "invertibility", "nll_eta", "objective"):  # fmt: skip
        assert torch.isfinite(metrics[f"val/{name}"]), name
    assert metrics["val/objective"] == metrics["val/nll_eta"]
    assert "val/prototype_spread_rotation" not in metrics
    trainer.test(trainer.lightning_module, Pictures(), verbose=False)
    for kind in ("five", "shift", "rotation", "scale", "shear"):
        assert torch.isfinite(trainer.callback_metrics[f"test/prototype_spread_{kind}"]), kind


def test_an_unfitted_model_is_worse_than_any_fitted_one():
    trainer = fit(model(phases={"ssl": "99 %"}), 1)
    assert trainer.callback_metrics["val/objective"] > 1e5
    assert "val/nll_eta" not in trainer.callback_metrics


def test_resumed_is_uninterrupted_in_both_phases_and_at_the_switch(tmp_path):
    class Keep(Callback):
        def on_train_epoch_end(self, trainer, module):
            trainer.save_checkpoint(tmp_path / f"{trainer.current_epoch}.ckpt")

    generative = {**GENERATIVE, "dropout": 0.3, "scale": "data"}
    build = {"generative_options": generative, "blur": 2.0, "blur_for": "50 %"}
    whole = model(**build)
    fit(whole, 4, limit_val_batches=0, callbacks=[Keep()])
    for epoch in (0, 1, 2):  # in ssl, at the switch, in mle
        resumed = model(**build)
        trainer = Trainer(
            max_epochs=4, accelerator="cpu", logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0,
        )  # fmt: skip
        trainer.fit(resumed, Pictures(), ckpt_path=str(tmp_path / f"{epoch}.ckpt"))
        for name, value in whole.state_dict().items():
            assert torch.equal(value, resumed.state_dict()[name]), (epoch, name)


def test_what_a_model_says_is_consistent():
    module = model().eval()
    fit(module, 2, limit_val_batches=0)
    module.eval()
    x = ImageDataset(pictures(4, 9)).__getitems__(range(4))[0]
    with torch.no_grad():
        prototype, element = module.canonicalise(x)
        back = module.group.apply(element, prototype)
        again, change = module.resample(x, torch.randn(4, 6))
        predicted = module.predict_step((x, x[:, :0], torch.arange(4)), 0)
    assert prototype.shape == x.shape
    assert (back - x).square().mean() < 0.1 * x.var()
    assert torch.allclose(again, module.group.apply(change, x))
    assert predicted["eta"].shape == (4, 6)
    assert torch.allclose(predicted["prototype"], prototype)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phases": {"mle": "50 %"}}, "takes what the others leave"),
        ({"blur_for": "1"}, r"model\.blur_for is a length"),
        ({"copies": 0}, "copies must be at least 1"),
        ({"spread": 0.0}, "spread must be positive"),
        ({"invertibility": -1.0}, "invertibility must not be negative"),
        ({"mle_bounds": 2.0}, "mle_bounds is a factor"),
        ({"orbit_size": 1}, "orbit_size"),
        ({"inference": "cnn"}, "inference must be one of"),
        ({"group": "projective"}, "group must be one of"),
        ({"group": "color", "group_options": {}}, "channel"),
        ({"group_options": {"bounds": [0.1, -0.1, 1, 0, 0]}}, "cannot be negative"),
        ({"group_options": {"bounds": [0.0] * 5}}, "all 0"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        model(**options).describe_data(Pictures().description)


def test_plain_loaders_want_a_description_first():
    loader = torch.utils.data.DataLoader([(torch.rand(1, SIZE, SIZE), torch.empty(0))] * 8, 4)
    options = {
        "max_epochs": 1, "accelerator": "cpu", "logger": False, "enable_checkpointing": False,
        "enable_progress_bar": False, "enable_model_summary": False,
    }  # fmt: skip
    module = model()
    with pytest.raises(ValueError, match="SGM does not know its data yet: attach a datamodule"):
        Trainer(**options).fit(module, loader)
    module.describe_data(Pictures().description)
    Trainer(**options).fit(module, loader)
    assert module.batches_seen == 2


def test_other_images_are_refused():
    vectors = DataDescription("vector", (SIZE,))
    with pytest.raises(ValueError, match=r"vector of shape \(12,\), and SGM is for images"):
        model().describe_data(vectors)


def test_colour_and_position_together_have_prototypes():
    class Painted(Pictures):
        @property
        def description(self):
            return DataDescription("image", (3, SIZE, SIZE))

        def make_split(self, split):
            return ImageDataset(super().make_split(split).images.repeat(1, 3, 1, 1))

    module = model(
        group="affine_color", group_options={"affine_bounds": BOUNDS}, inference="frame",
        inference_options={"widths": []}, spread=None,
    )  # fmt: skip
    trainer = Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, Painted())
    trainer.test(module, Painted(), verbose=False)
    for kind in ("hue", "shift", "five"):
        assert torch.isfinite(trainer.callback_metrics[f"test/prototype_spread_{kind}"]), kind


class Negatives(Pictures):
    """The same, dark on a light ground."""

    def make_split(self, split):
        return ImageDataset(255 - pictures(self.count, ("train", "val", "test").index(split)))


def test_a_fit_decides_on_the_frame_and_says_how_sure_it_is(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(prototype_module, "rank_zero_info", said.append)
    options = {
        "max_epochs": 1, "accelerator": "cpu", "logger": False, "enable_checkpointing": False,
        "enable_progress_bar": False, "enable_model_summary": False,
    }  # fmt: skip
    x = ImageDataset(255 - pictures(6, 9)).__getitems__(range(6))[0]
    batch = x, x[:, :0], torch.arange(6)
    told = {}
    for name, data in (("dark", Pictures()), ("light", Negatives())):
        module = model(inference="frame", inference_options={"widths": [8]}, spread=None)
        trainer = Trainer(**options)
        trainer.fit(module, data)
        told[name] = module.eval().predict_step(batch, 0)
    assert [text.split(":")[0] for text in said] == ["frame of moments alone", "robust frame"]
    assert "confidence" not in told["dark"]
    assert told["light"]["confidence"].shape == (6,)
    trainer.save_checkpoint(tmp_path / "light.ckpt")
    again = SGM.load_from_checkpoint(tmp_path / "light.ckpt", weights_only=True).eval()
    for key, value in again.predict_step(batch, 0).items():
        assert torch.equal(value, told["light"][key]), key
