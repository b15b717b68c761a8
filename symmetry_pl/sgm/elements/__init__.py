"""Laws of group elements that are learned from clouds without prototypes: rivals of SGM."""
