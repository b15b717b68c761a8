"""The figures that the methods of this package log, group by group."""

from __future__ import annotations

from typing import Any

from symmetry_pl.metrics.metric_spec import MetricSpec

__all__ = ["ENTRIES"]

_NULL = "95 % of the permutation null"
_KNOWING = "knowing the transformation"


def _minor(name: str, label: str, short: str, unit: str = "", **options: Any) -> MetricSpec:
    """A figure without a row in the summary of a test."""
    return MetricSpec(name, label, short, unit, shown=False, **options)


_RECONSTRUCTION: dict[str, Any] = {"digits": 3, "group": "reconstruction"}
_SHARE: dict[str, Any] = {**_RECONSTRUCTION, "style": "percent", "better": "more"}
_TARGETS: dict[str, Any] = {"digits": 3, "group": "targets"}
_LEAKAGE: dict[str, Any] = {"digits": 3, "group": "leakage"}
_GAME: dict[str, Any] = {"digits": 3, "group": "game", "better": "neither"}
_LOSS: dict[str, Any] = {"digits": 3, "group": "loss"}
_TERM: dict[str, Any] = {**_LOSS, "better": "neither"}
_SCHEDULE: dict[str, Any] = {"group": "schedule", "better": "neither"}
_TRUTH: dict[str, Any] = {"digits": 3, "group": "truth"}
_NEITHER: dict[str, Any] = {**_TRUTH, "better": "neither"}
_PROTOTYPES: dict[str, Any] = {"group": "prototypes"}
_FACTORS: dict[str, Any] = {"digits": 3, "group": "factors"}

_CODES = (
    MetricSpec("token_accuracy", "tokens decoded right", "tokens right", **_SHARE),
    MetricSpec("smiles_accuracy", "molecules decoded right", "molecules right", **_SHARE),
    MetricSpec("smiles_accuracy_search", "molecules found by the search", "searched", **_SHARE),
    MetricSpec("validity", "decoded strings that are molecules", "valid", **_SHARE),
    MetricSpec("nll_x", "−log p(X given Z1)", "−log p(x given z1)", "nats", **_RECONSTRUCTION),
    MetricSpec(
        "mae_x", "MAE of X (sum over coordinates)", "MAE(X)", style="exponent", **_RECONSTRUCTION
    ),
    MetricSpec(
        "mae_y",
        "MAE of Y (sum over targets)",
        "MAE(Y)",
        beside="mae_y_boosting",
        beside_label="gradient boosting on X",
        **_TARGETS,
    ),
    MetricSpec("mi_z0_y", "I(Z0;Y) raw KSG", "I(Z0;Y) raw", "nats", **_LEAKAGE),
    MetricSpec("mi_z0_y_white", "I(Z0;Y) whitened KSG", "whitened", "nats", **_LEAKAGE),
    MetricSpec(
        "mi_z0_y_probe",
        "I(Z0;Y) held-out probe",
        "probe",
        "nats",
        beside="mi_z0_y_probe_null95",
        beside_label=_NULL,
        **_LEAKAGE,
    ),
    MetricSpec(
        "probe_r2_z0_y",
        "R² of the probe of Y from Z0",
        "probe R²",
        beside="probe_r2_z0_y_null95",
        beside_label=_NULL,
        **_LEAKAGE,
    ),
    MetricSpec(
        "mi_z0_z1_probe",
        "I(Z0;Z1) held-out probe",
        "probe of Z1",
        "nats",
        beside="mi_z0_z1_probe_null95",
        beside_label=_NULL,
        **_LEAKAGE,
    ),
    MetricSpec(
        "probe_r2_z0_z1",
        "R² of the probe of Z1 from Z0",
        "probe R² of Z1",
        beside="probe_r2_z0_z1_null95",
        beside_label=_NULL,
        **_LEAKAGE,
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
        **_TARGETS,
    ),
)
"""What a split code keeps, predicts and leaks."""

_GENERATORS = (
    MetricSpec("loss", "loss at full rank", "loss", "nats", **_LOSS),
    MetricSpec(
        "loss_refitted",
        "loss, densities fitted anew",
        "loss, densities refitted",
        "nats",
        beside="loss_of_truth",
        beside_label="of the true basis",
        **_LOSS,
    ),
    MetricSpec(
        "stationarity_residual",
        "non-stationary share of covariance",
        "non-stationary share",
        **_TRUTH,
    ),
    MetricSpec(
        "confidence",
        "confidence of the warm start",
        "confidence",
        digits=2,
        better="more",
        group="truth",
    ),
    MetricSpec(
        "symmetry_found",
        "share of runs that found a symmetry",
        "found",
        digits=2,
        better="neither",
        group="truth",
    ),
    MetricSpec(
        "agreement",
        "cosine of G from two halves",
        "halves",
        better="more",
        group="truth",
    ),
    MetricSpec(
        "agreement_p_value",
        "p that halves agree by chance",
        "p",
        better="neither",
        group="truth",
    ),
    MetricSpec(
        "misfit",
        "non-stationary over sampling level",
        "misfit",
        digits=1,
        better="less",
        group="truth",
    ),
    MetricSpec(
        "generator_cosine",
        "cosine of G with the true shift",
        "cosine",
        better="more",
        group="truth",
    ),
    MetricSpec(
        "generator_power",
        "power of the true shift nearest to G",
        "power",
        better="neither",
        **_TRUTH,
    ),
    MetricSpec(
        "generator_count",
        "generators found",
        "generators",
        digits=1,
        better="neither",
        group="algebra",
    ),
    MetricSpec(
        "generators_right",
        "their number is the true one (1: yes)",
        "right number",
        digits=2,
        better="more",
        group="algebra",
    ),
    MetricSpec(
        "generator_angle",
        "largest principal angle to the true generators",
        "angle",
        "degrees",
        digits=2,
        beside="generator_angle_random",
        beside_label="of a random space",
        group="algebra",
    ),
    _minor(
        "generator_angle_random",
        "largest principal angle, random space",
        "angle, random",
        "degrees",
        digits=1,
        better="neither",
        group="algebra",
    ),
    MetricSpec(
        "violation",
        "violation by the generators (1: sampling noise)",
        "violation",
        digits=2,
        beside="violation_of_next",
        beside_label="of the next best matrix",
        group="violation",
    ),
    _minor("violation_loss", "violation of a batch", "violation", group="violation"),
    _minor(
        "violation_of_next",
        "violation by the next best matrix",
        "next best",
        digits=2,
        better="neither",
        group="violation",
    ),
    MetricSpec(
        "generator_p_value",
        "p value of the number of generators",
        "p value",
        digits=2,
        better="neither",
        group="violation",
    ),
    MetricSpec(
        "closure_residual",
        "share of commutators outside of the generators' span",
        "open commutators",
        digits=3,
        group="violation",
    ),
    MetricSpec("lifting_error", "error of the lifting matrix", "lifting error", **_TRUTH),
    MetricSpec(
        "filter_locality",
        "locality of the filter (1: one pixel)",
        "filter locality",
        better="more",
        **_TRUTH,
    ),
)
"""How near a generator is to the truth, and what it costs."""

_DOMAIN: dict[str, Any] = {"digits": 3, "group": "domain", "better": "more"}
_DOMAINS = (
    MetricSpec(
        "stencil_error",
        "variance neighbours leave (1: disorder)",
        "stencil",
        digits=3,
        group="domain",
    ),
    MetricSpec(
        "exact_places",
        "inputs put where they belong",
        "exact places",
        digits=4,
        style="percent",
        better="more",
        beside="exact_places_chance",
        beside_label="in random order",
        group="truth",
    ),
    _minor("exact_places_chance", "the same in random order", "chance", group="truth"),
    MetricSpec(
        "generator_cosine_least",
        "the smaller cosine of the generators",
        "least cosine",
        beside="generator_cosine_ceiling",
        beside_label="of true places of live inputs",
        better="more",
        group="truth",
    ),
    _minor("generator_cosine_ceiling", "cosine of true places", "ceiling", group="truth"),
    MetricSpec(
        "accuracy",
        "classes told right",
        "accuracy",
        digits=4,
        style="percent",
        better="more",
        group="classes",
    ),
    MetricSpec(
        "cross_entropy",
        "cross-entropy of classes",
        "cross-entropy",
        "nats",
        digits=3,
        group="classes",
    ),
    MetricSpec("places_agreement", "inputs that two halves put alike", "halves", **_DOMAIN),
    MetricSpec("completeness", "inputs that their neighbours place", "complete", **_DOMAIN),
    MetricSpec("locality", "partial correlation between near cells", "local", **_DOMAIN),
    MetricSpec("stationary_share", "correlations by displacement, R²", "stationary R²", **_DOMAIN),
    _minor("unevenness", "spread of variances, of their mean", "uneven", digits=3, group="domain"),
    _minor("live_inputs", "inputs that ever change", "live", digits=0, group="domain"),
    _minor("domain_dimensions", "axes of what was found", "axes", digits=1, group="domain"),
    MetricSpec(
        "domain_found",
        "share of runs that found a domain",
        "found",
        digits=2,
        better="neither",
        group="domain",
    ),
    _minor("lattice_found", "share that found a lattice", "lattice", digits=2, group="domain"),
    _minor("stationary_found", "share called stationary", "stationary", digits=2, group="domain"),
)
"""What a hidden domain is, and how near it is to the true one."""

_RANDOM = "a random matrix"
_MATCH: dict[str, Any] = {"digits": 3, "group": "truth", "better": "more"}
_ELEMENTS = (
    MetricSpec(
        "energy_distance",
        "energy distance of moved samples",
        "energy distance",
        beside="energy_distance_floor",
        beside_label="of samples not moved",
        **_LOSS,
    ),
    MetricSpec(
        "subgroup_cosine",
        "cosine of exp(tL) with the true shift",
        "best exp(tL)",
        beside="subgroup_cosine_random",
        beside_label=_RANDOM,
        **_MATCH,
    ),
    MetricSpec(
        "element_cosine",
        "cosine of g with the nearest power",
        "nearest power",
        beside="element_cosine_random",
        beside_label=_RANDOM,
        **_MATCH,
    ),
    MetricSpec(
        "moving_cosine",
        "the same without the identity",
        "without identity",
        beside="moving_cosine_random",
        beside_label=_RANDOM,
        **_MATCH,
    ),
    MetricSpec("element_power", "that power", "nearest", **_NEITHER),
    MetricSpec("orbit_cosine", "cosine of g with the true subgroup", "orbit", **_MATCH),
    MetricSpec("identity_cosine", "cosine of g with the identity", "identity", **_NEITHER),
    MetricSpec("form_error", "change of the true form under g", "form error", **_TRUTH),
    MetricSpec("algebra_cosine", "share of L in the true algebra", "in the algebra", **_MATCH),
    MetricSpec("algebra_coverage", "share of the true algebra found", "coverage", **_MATCH),
    MetricSpec("form_cosine", "cosine of the invariant form", "form", **_MATCH),
    MetricSpec("null_dimension", "generators in the null space", "dimension", **_NEITHER),
    MetricSpec("null_gap", "gap behind them, as a ratio", "gap", **_MATCH),
    MetricSpec("rotation_ceiling", "cosine of the best rotation", "best rotation", **_NEITHER),
    MetricSpec(
        "invariant_change",
        "change of what is conserved, relative",
        "change of the invariant",
        beside="invariant_change_random",
        beside_label="of another sample",
        **_TRUTH,
    ),
    MetricSpec("invariant_change_floor", "the same by the identity", "by identity", **_TRUTH),
    _minor("invariant_change_random", "the same of another sample", "by chance", **_NEITHER),
    MetricSpec("motion", "how far samples move, of any two", "motion", **_NEITHER),
    MetricSpec("favoured_cosine", "best epoch by the truth", "best epoch by truth", **_MATCH),
    MetricSpec("favoured_epoch", "which epoch that was", "its epoch", **_NEITHER),
)
"""How near group elements and Lie algebras are to the true ones."""

# The floor stands once, beside the last of the spreads that it is a floor of.
_IMAGES = (
    MetricSpec(
        "prototype_spread",
        "spread of prototypes (1: that of x)",
        "spread of prototypes",
        beside="prototype_spread_floor",
        beside_label=_KNOWING,
        **_PROTOTYPES,
    ),
    MetricSpec("prototype_spread_five", "the same without shear", "without shear", **_PROTOTYPES),
    MetricSpec(
        "prototype_spread_direct",
        "the same, of the copies' pixels",
        "of the copies' pixels",
        beside="prototype_spread_floor",
        beside_label=_KNOWING,
        **_PROTOTYPES,
    ),
    MetricSpec(
        "prototype_spread_composed",
        "the same, by composed elements",
        "by composed elements",
        **_PROTOTYPES,
    ),
    MetricSpec(
        "iterate_ratio_1",
        "|η| of a prototype over |η| of x",
        "second iterate",
        style="exponent",
        **_PROTOTYPES,
    ),
    MetricSpec("invertibility", "mse of T⁻¹ T x", "invertibility", **_PROTOTYPES),
    MetricSpec(
        "nll_eta", "−log p(η | prototype)", "−log p(η)", "nats", digits=2, group="transformations"
    ),
    MetricSpec(
        "factor_tv",
        "largest TV of a resampled factor",
        "largest TV of a factor",
        beside="factor_tv_null",
        beside_label="between halves of the data",
        **_FACTORS,
    ),
)
"""What prototypes keep of a transformation, and what resampled images lack."""

_MINOR = (
    _minor("mae_y_boosting", "MAE of Y, gradient boosting on X", "boosting", **_TARGETS),
    _minor("mae_y_ridge", "MAE of Y, ridge regression on X", "ridge", **_TARGETS),
    # What the others are compared with, and figures of tables alone.
    _minor("loss_of_truth", "loss of the true basis", "of the true basis", "nats", **_LOSS),
    _minor("objective", "what best.ckpt minimises", "objective", **_LOSS),
    _minor(
        "mi_z0_y_probe_null95",
        f"I(Z0;Y) held-out probe, {_NULL}",
        "its null, 95 %",
        "nats",
        better="neither",
        **_LEAKAGE,
    ),
    _minor(
        "probe_r2_z0_y_null95",
        f"R² of the probe of Y from Z0, {_NULL}",
        "its null, 95 %",
        better="neither",
        **_LEAKAGE,
    ),
    _minor(
        "prototype_spread_median", "median spread of prototypes", "median spread", **_PROTOTYPES
    ),
    _minor(
        "prototype_spread_relative",
        "spread of prototypes relative to other images",
        "relative to other images",
        digits=3,
        **_PROTOTYPES,
    ),
    _minor(
        "prototype_distance",
        "distance of prototypes of two images (1: that of x)",
        "distance of images",
        better="neither",
        **_PROTOTYPES,
    ),
    _minor(
        "prototype_spread_floor",
        f"spread of prototypes, {_KNOWING}",
        _KNOWING,
        better="neither",
        **_PROTOTYPES,
    ),
    _minor(
        "prototype_spread_wide",
        "spread of prototypes of wide copies",
        "wide copies",
        digits=3,
        **_PROTOTYPES,
    ),
    _minor(
        "prototype_spread_direct_wide",
        "spread of prototypes of wide copies, of their pixels",
        "of their pixels",
        digits=3,
        **_PROTOTYPES,
    ),
    _minor(
        "prototype_spread_composed_wide",
        "spread of prototypes of wide copies, by composed elements",
        "by their composed elements",
        digits=3,
        **_PROTOTYPES,
    ),
    _minor(
        "prototype_spread_floor_wide",
        f"spread of prototypes of wide copies, {_KNOWING}",
        _KNOWING,
        digits=3,
        better="neither",
        **_PROTOTYPES,
    ),
    _minor(
        "iterate_ratio_2", "|η| of the third iterate over |η| of x", "third iterate", **_PROTOTYPES
    ),
    _minor(
        "iterate_ratio_3",
        "|η| of the fourth iterate over |η| of x",
        "fourth iterate",
        **_PROTOTYPES,
    ),
    _minor(
        "factor_tv_null",
        "largest TV of a factor between halves of the data",
        "between halves of the data",
        better="neither",
        **_FACTORS,
    ),
    # Terms of losses, and what changes over training.
    _minor("kl", "KL of the posterior from the prior", "KL", "nats", **_TERM),
    _minor("pairwise_kl", "pairwise bound of I(Z;X)", "pairwise KL", "nats", **_TERM),
    _minor("loss_x", "loss of the reconstruction", "loss of x", **_LOSS),
    _minor("loss_y", "squared error of the targets", "loss of y", **_LOSS),
    _minor("nll", "−log likelihood", "−log p", "nats", **_LOSS),
    _minor("mse", "mean squared error of prototypes", "mse", **_LOSS),
    _minor("disagreement", "disagreement of the flow on copies", "disagreement", "nats", **_LOSS),
    _minor("alignment", "alignment", "alignment", "nats", **_TERM),
    _minor("uniformity", "uniformity", "uniformity", "nats", **_TERM),
    _minor("marginal_entropy", "entropy of single pixels", "marginal entropy", "nats", **_TERM),
    _minor("joint_entropy", "joint entropy", "joint entropy", "nats", **_TERM),
    _minor(
        "conditional_nll",
        "−log likelihood of a pixel given another",
        "conditional",
        "nats",
        **_TERM,
    ),
    _minor("mi_critic", "Gaussian I(a(z0); h(y)), model's turn", "model's turn", "nats", **_GAME),
    _minor(
        "mi_adversary",
        "Gaussian I(a(z0); h(y)), adversary's turn",
        "adversary's turn",
        "nats",
        **_GAME,
    ),
    _minor("bijection", "error of the bijection of y", "bijection", **_GAME),
    *(
        _minor(f"{name}_random", f"{words}, {_RANDOM}", "random matrix", **_NEITHER)
        for name, words in (
            ("subgroup_cosine", "cosine of exp(tL)"),
            ("element_cosine", "cosine with the nearest power"),
            ("moving_cosine", "cosine with the nearest power but the identity"),
        )
    ),
    _minor("loss_law", "loss of the fitted law", "loss of the law", **_LOSS),
    _minor("generator_loss", "−log D of moved samples", "generator", "nats", **_GAME),
    _minor("discriminator_loss", "cross-entropy of D", "discriminator", "nats", **_GAME),
    _minor("reconstruction", "squared error of X", "reconstruction", **_GAME),
    _minor("regularisation", "penalty of the identity", "regularisation", **_GAME),
    _minor("sparsity", "norm of L", "sparsity", **_GAME),
    _minor("correlation", "correlation of channels", "correlation", **_GAME),
    _minor("lambda", "weight λ of the errors", "λ", **_SCHEDULE),
    _minor("mi_weight", "weight of the information", "weight of MI", **_SCHEDULE),
    _minor("y_weight", "weight of the targets", "weight of y", **_SCHEDULE),
    _minor("rank", "rank at which the loss is taken", "rank", digits=0, **_SCHEDULE),
    _minor("blur", "width of the blur", "blur", "pixels", **_SCHEDULE),
    _minor("spread", "standard deviation of η's posterior over the bounds", "σ of η", **_SCHEDULE),
)
"""Figures without a row in the summary of a test."""

ENTRIES = _CODES + _GENERATORS + _DOMAINS + _ELEMENTS + _IMAGES + _MINOR
"""All of them; a summary has its rows in this order."""
