"""Hidden domains: from scrambled vectors to the grid of pixels and its translations."""

from symmetry_pl.lens.domains.channels import FoundChannels, find_channels
from symmetry_pl.lens.domains.find import FoundDomain, find_domain
from symmetry_pl.lens.domains.mixed import FoundMixedDomain, find_mixed_domain

__all__ = [
    "FoundChannels",
    "FoundDomain",
    "FoundMixedDomain",
    "find_channels",
    "find_domain",
    "find_mixed_domain",
]
