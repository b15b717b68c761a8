"""How much one thing tells of another: estimators, bounds and divergences, all in nats."""

from symmetry_pl.information.divergences import kl_standard_normal, pairwise_kl
from symmetry_pl.information.gaussian import (
    Moments,
    Reduce,
    gaussian_information,
    gaussian_information_from_moments,
    moments,
    standardise,
)
from symmetry_pl.information.ksg import ksg, whiten
from symmetry_pl.information.probes import KindReport, ProbeReport, probe
from symmetry_pl.information.variational import donsker_varadhan

__all__ = [
    "KindReport",
    "Moments",
    "ProbeReport",
    "Reduce",
    "donsker_varadhan",
    "gaussian_information",
    "gaussian_information_from_moments",
    "kl_standard_normal",
    "ksg",
    "moments",
    "pairwise_kl",
    "probe",
    "standardise",
    "whiten",
]
