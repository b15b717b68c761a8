"""Hidden domains: from scrambled vectors to the grid of pixels and its translations."""

from symmetry_pl.lens.domains.find import FoundDomain, find_domain
from symmetry_pl.lens.domains.mixed import FoundMixedDomain, find_mixed_domain

__all__ = ["FoundDomain", "FoundMixedDomain", "find_domain", "find_mixed_domain"]
