"""Hidden domains: from scrambled vectors to the grid of pixels and its translations."""

from symmetry_pl.lens.domains.find import FoundDomain, find_domain

__all__ = ["FoundDomain", "find_domain"]
