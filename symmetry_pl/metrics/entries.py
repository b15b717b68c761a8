"""The figures that the methods of this package log, group by group."""

from __future__ import annotations

from symmetry_pl.metrics.class_entries import CLASS_ENTRIES
from symmetry_pl.metrics.cloud_entries import CLOUD_ENTRIES
from symmetry_pl.metrics.entry_options import (
    DENSITY,
    FACTORS,
    GAME,
    KNOWING,
    LEAKAGE,
    LOSS,
    NEITHER,
    NULL,
    PROTOTYPES,
    RANDOM,
    RECONSTRUCTION,
    SCHEDULE,
    SHARE,
    TARGETS,
    TERM,
    minor,
)
from symmetry_pl.metrics.lens_entries import LENS_ENTRIES
from symmetry_pl.metrics.metric_spec import MetricSpec

__all__ = ["ENTRIES"]

_CODES = (
    MetricSpec("token_accuracy", "tokens decoded right", "tokens right", **SHARE),
    MetricSpec("smiles_accuracy", "molecules decoded right", "molecules right", **SHARE),
    MetricSpec("smiles_accuracy_search", "molecules found by the search", "searched", **SHARE),
    MetricSpec("validity", "decoded strings that are molecules", "valid", **SHARE),
    MetricSpec("nll_x", "−log p(X given Z1)", "−log p(x given z1)", "nats", **RECONSTRUCTION),
    MetricSpec(
        "mae_x", "MAE of X (sum over coordinates)", "MAE(X)", style="exponent", **RECONSTRUCTION
    ),
    MetricSpec(
        "mae_y",
        "MAE of Y (sum over targets)",
        "MAE(Y)",
        beside="mae_y_boosting",
        beside_label="gradient boosting on X",
        **TARGETS,
    ),
    MetricSpec("mi_z0_y", "I(Z0;Y) raw KSG", "I(Z0;Y) raw", "nats", **LEAKAGE),
    MetricSpec("mi_z0_y_white", "I(Z0;Y) whitened KSG", "whitened", "nats", **LEAKAGE),
    MetricSpec(
        "mi_z0_y_probe",
        "I(Z0;Y) held-out probe",
        "probe",
        "nats",
        beside="mi_z0_y_probe_null95",
        beside_label=NULL,
        **LEAKAGE,
    ),
    MetricSpec(
        "probe_r2_z0_y",
        "R² of the probe of Y from Z0",
        "probe R²",
        beside="probe_r2_z0_y_null95",
        beside_label=NULL,
        **LEAKAGE,
    ),
    MetricSpec(
        "mi_z0_z1_probe",
        "I(Z0;Z1) held-out probe",
        "probe of Z1",
        "nats",
        beside="mi_z0_z1_probe_null95",
        beside_label=NULL,
        **LEAKAGE,
    ),
    MetricSpec(
        "probe_r2_z0_z1",
        "R² of the probe of Z1 from Z0",
        "probe R² of Z1",
        beside="probe_r2_z0_z1_null95",
        beside_label=NULL,
        **LEAKAGE,
    ),
    MetricSpec(
        "visible_leak",
        "least leak of Z1 that the probe sees",
        "visible leak",
        digits=2,
        group="leakage",
    ),
    MetricSpec(
        "mae_qed_rdkit",
        "MAE of qed_rdkit",
        "QED",
        beside="mae_qed_rdkit_constant",
        beside_label="always the mean",
        **TARGETS,
    ),
)
"""What a split code keeps, predicts and leaks."""

# The floor stands once, beside the last of the spreads that it is a floor of.
_IMAGES = (
    MetricSpec(
        "transport_error",
        "a copy carried onto another (1: not moved)",
        "carried copies",
        beside="transport_error_floor",
        beside_label=KNOWING,
        **PROTOTYPES,
    ),
    MetricSpec(
        "retrieval",
        "copies whose nearest prototype is their own image's",
        "retrieved",
        style="percent",
        better="more",
        digits=3,
        beside="retrieval_chance",
        beside_label="by chance",
        **PROTOTYPES,
    ),
    MetricSpec(
        "prototype_spread",
        "spread of prototypes (1: that of x)",
        "spread of prototypes",
        beside="prototype_spread_floor",
        beside_label=KNOWING,
        **PROTOTYPES,
    ),
    MetricSpec("prototype_spread_five", "the same without shear", "without shear", **PROTOTYPES),
    MetricSpec(
        "prototype_spread_direct",
        "the same, of the copies' pixels",
        "of the copies' pixels",
        beside="prototype_spread_floor",
        beside_label=KNOWING,
        **PROTOTYPES,
    ),
    MetricSpec(
        "prototype_spread_composed",
        "the same, by composed elements",
        "by composed elements",
        **PROTOTYPES,
    ),
    MetricSpec(
        "iterate_ratio_1",
        "|η| of a prototype over |η| of x",
        "second iterate",
        style="exponent",
        **PROTOTYPES,
    ),
    MetricSpec("invertibility", "mse of T⁻¹ T x", "invertibility", **PROTOTYPES),
    MetricSpec(
        "nll_eta", "−log p(η | prototype)", "−log p(η)", "nats", digits=2, group="transformations"
    ),
    MetricSpec(
        "factor_tv",
        "largest TV of a resampled factor",
        "largest TV of a factor",
        beside="factor_tv_null",
        beside_label="between halves of the data",
        **FACTORS,
    ),
)
"""What prototypes keep of a transformation, and what resampled images lack."""

_BOUNDS = (
    MetricSpec("iwlb", "importance-weighted bound of log p(x)", "IWLB", "nats", **DENSITY),
    MetricSpec(
        "iwlb_prototype", "the same as published, of prototypes", "of prototypes", "nats", **DENSITY
    ),
    MetricSpec("elbo", "ELBO of log p(x)", "ELBO", "nats", **DENSITY),
    MetricSpec("mse_x", "mse of reconstructions of x", "mse(x)", digits=4, group="reconstruction"),
)
"""How likely a model of images finds an image, and how well it makes it again."""

_MINOR = (
    minor("mae_y_boosting", "MAE of Y, gradient boosting on X", "boosting", **TARGETS),
    minor("mae_y_ridge", "MAE of Y, ridge regression on X", "ridge", **TARGETS),
    # What the others are compared with, and figures of tables alone.
    minor("loss_of_truth", "loss of the true basis", "of the true basis", "nats", **LOSS),
    minor("objective", "what best.ckpt minimises", "objective", **LOSS),
    minor(
        "mi_z0_y_probe_null95",
        f"I(Z0;Y) held-out probe, {NULL}",
        "its null, 95 %",
        "nats",
        better="neither",
        **LEAKAGE,
    ),
    minor(
        "probe_r2_z0_y_null95",
        f"R² of the probe of Y from Z0, {NULL}",
        "its null, 95 %",
        better="neither",
        **LEAKAGE,
    ),
    minor(
        "transport_error_floor",
        f"a copy carried onto another, {KNOWING}",
        KNOWING,
        better="neither",
        **PROTOTYPES,
    ),
    minor(
        "transport_error_random",
        "a copy carried by the elements of another pair",
        "by another pair's",
        better="neither",
        **PROTOTYPES,
    ),
    minor(
        "retrieval_chance",
        "copies whose nearest prototype is their own by chance",
        "by chance",
        style="percent",
        better="neither",
        digits=3,
        **PROTOTYPES,
    ),
    minor("prototype_spread_median", "median spread of prototypes", "median spread", **PROTOTYPES),
    minor(
        "prototype_spread_relative",
        "spread of prototypes relative to other images",
        "relative to other images",
        digits=3,
        **PROTOTYPES,
    ),
    minor(
        "prototype_distance",
        "distance of prototypes of two images (1: that of x)",
        "distance of images",
        better="neither",
        **PROTOTYPES,
    ),
    minor(
        "prototype_spread_floor",
        f"spread of prototypes, {KNOWING}",
        KNOWING,
        better="neither",
        **PROTOTYPES,
    ),
    minor(
        "prototype_spread_wide",
        "spread of prototypes of wide copies",
        "wide copies",
        digits=3,
        **PROTOTYPES,
    ),
    minor(
        "prototype_spread_direct_wide",
        "spread of prototypes of wide copies, of their pixels",
        "of their pixels",
        digits=3,
        **PROTOTYPES,
    ),
    minor(
        "prototype_spread_composed_wide",
        "spread of prototypes of wide copies, by composed elements",
        "by their composed elements",
        digits=3,
        **PROTOTYPES,
    ),
    minor(
        "prototype_spread_floor_wide",
        f"spread of prototypes of wide copies, {KNOWING}",
        KNOWING,
        digits=3,
        better="neither",
        **PROTOTYPES,
    ),
    minor(
        "iterate_ratio_2", "|η| of the third iterate over |η| of x", "third iterate", **PROTOTYPES
    ),
    minor(
        "iterate_ratio_3",
        "|η| of the fourth iterate over |η| of x",
        "fourth iterate",
        **PROTOTYPES,
    ),
    minor(
        "factor_tv_null",
        "largest TV of a factor between halves of the data",
        "between halves of the data",
        better="neither",
        **FACTORS,
    ),
    # Terms of losses, and what changes over training.
    minor("elbo_prototype", "ELBO of prototypes", "of prototypes", "nats", **DENSITY),
    minor("kl", "KL of the posterior from the prior", "KL", "nats", **TERM),
    minor("pairwise_kl", "pairwise bound of I(Z;X)", "pairwise KL", "nats", **TERM),
    minor("loss_x", "loss of the reconstruction", "loss of x", **LOSS),
    minor("loss_y", "squared error of the targets", "loss of y", **LOSS),
    minor("nll", "−log likelihood", "−log p", "nats", **LOSS),
    minor("mse", "mean squared error of prototypes", "mse", **LOSS),
    minor("disagreement", "disagreement of the flow on copies", "disagreement", "nats", **LOSS),
    minor("alignment", "alignment", "alignment", "nats", **TERM),
    minor("uniformity", "uniformity", "uniformity", "nats", **TERM),
    minor("marginal_entropy", "entropy of single pixels", "marginal entropy", "nats", **TERM),
    minor("joint_entropy", "joint entropy", "joint entropy", "nats", **TERM),
    minor(
        "conditional_nll",
        "−log likelihood of a pixel given another",
        "conditional",
        "nats",
        **TERM,
    ),
    minor("mi_critic", "Gaussian I(a(z0); h(y)), model's turn", "model's turn", "nats", **GAME),
    minor(
        "mi_adversary",
        "Gaussian I(a(z0); h(y)), adversary's turn",
        "adversary's turn",
        "nats",
        **GAME,
    ),
    minor("bijection", "error of the bijection of y", "bijection", **GAME),
    *(
        minor(f"{name}_random", f"{words}, {RANDOM}", "random matrix", **NEITHER)
        for name, words in (
            ("subgroup_cosine", "cosine of exp(tL)"),
            ("element_cosine", "cosine with the nearest power"),
            ("moving_cosine", "cosine with the nearest power but the identity"),
        )
    ),
    minor("loss_law", "loss of the fitted law", "loss of the law", **LOSS),
    minor("generator_loss", "−log D of moved samples", "generator", "nats", **GAME),
    minor("discriminator_loss", "cross-entropy of D", "discriminator", "nats", **GAME),
    minor("critic_loss", "−bounds of divergences", "critics", "nats", **GAME),
    minor("reconstruction", "squared error of X", "reconstruction", **GAME),
    minor("regularisation", "penalty of the identity", "regularisation", **GAME),
    minor("sparsity", "norm of L", "sparsity", **GAME),
    minor("correlation", "correlation of channels", "correlation", **GAME),
    minor("lambda", "weight λ of the errors", "λ", **SCHEDULE),
    minor("mi_weight", "weight of the information", "weight of MI", **SCHEDULE),
    minor("y_weight", "weight of the targets", "weight of y", **SCHEDULE),
    minor("rank", "rank at which the loss is taken", "rank", digits=0, **SCHEDULE),
    minor("blur", "width of the blur", "blur", "pixels", **SCHEDULE),
    minor("spread", "standard deviation of η's posterior over the bounds", "σ of η", **SCHEDULE),
)
"""Figures without a row in the summary of a test."""

ENTRIES = _CODES + LENS_ENTRIES + CLASS_ENTRIES + _IMAGES + CLOUD_ENTRIES + _BOUNDS + _MINOR
"""All of them; a summary has its rows in this order."""
