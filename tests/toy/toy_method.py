"""A method that is not in the package, through public contracts alone: a diagonal Gaussian."""

import math

import torch
from torch import nn

from symmetry_pl.core import Evaluator, Player, SymmetryModule
from symmetry_pl.metrics import MetricSpec, register
from symmetry_pl.plots.basic import new_figure
from symmetry_pl.reproduce.experiment import Experiment, System

register(MetricSpec("toy_nll", label="negative log-likelihood", short="NLL", unit="nats", digits=2))


class DiagonalGaussian(SymmetryModule):
    """p(x) = Π N(x_j; m_j, e^{2 s_j}), by maximum likelihood; the means learn first."""

    headline = ("toy_nll",)
    painter = "toy_method:MeansPainter"
    phase_names = ("means", "both")
    rest = "both"
    default_phases = {"means": "25 %"}  # noqa: RUF012

    def configure_networks(self, data):
        self.means = nn.Parameter(torch.ones(data.x_shape[0]))
        self.scales = nn.Parameter(torch.zeros(data.x_shape[0]))

    def configure_players(self):
        return {
            "means": Player([self.means], {"lr": 0.05}),
            "scales": Player([self.scales], {"lr": 0.05, "schedule": "cosine"}, [("both",)]),
        }

    def configure_evaluator(self, stage):
        return Likelihood()

    def nll(self, x):
        standard = (x - self.means) * torch.exp(-self.scales)
        return (0.5 * standard.square() + self.scales + 0.5 * math.log(math.tau)).sum(1)

    def training_step(self, batch, batch_idx):
        with self.turn("means", *(["scales"] if self.phase == "both" else [])):
            loss = self.nll(batch[0]).mean()
            self.minimise(loss)
        if self.log_now:
            self.log_training({"toy_nll": loss}, len(batch[0]))

    def predict_step(self, batch, batch_idx):
        return {"log_prob": -self.nll(batch[0])}

    def learned(self):
        return {"means": self.means, "scales": self.scales.exp()}


class Likelihood(Evaluator):
    """Mean negative log-likelihood of a set."""

    def reset(self):
        super().reset()
        self.total, self.count = 0.0, 0

    def update(self, model, batch, index, stage):
        self.total = self.total + model.nll(batch[0]).sum()
        self.count += len(batch[0])
        self.show(100, x=batch[0])

    def compute(self, model, stage):
        nll = self.total / self.count
        return {"toy_nll": nll, "objective": nll}


class MeansPainter:
    """The samples and their mean."""

    curves = {"val": ("toy_nll",)}  # noqa: RUF012

    def paint(self, model, evaluator, data, curves):
        figure = new_figure(1)
        axis = figure.subplots()
        axis.scatter(*evaluator.shown["x"].T.numpy(), s=3)
        axis.plot(*model.means.detach().numpy(), "r+")
        yield "means", figure


EXPERIMENT = Experiment(
    name="toy/gaussian",
    title="A toy",
    dataset="spiral",
    systems=(System("gaussian", "diagonal Gaussian", "toy.yaml", seeds=(0,)),),
    metrics=("toy_nll",),
)
