"""A model of one's own that sees images in the poses it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from symmetry_pl.sgm.canonicaliser import Canonicaliser

__all__ = ["CanonicalisedModel"]


class CanonicalisedModel(nn.Module):
    r"""A model behind a canonicaliser: the mean of model(x̂) over the most usual poses.

    Args:
        canonicaliser: in front.
        model: any module of images ``(B, C, H, W)``; of several poses one that gives a tensor.
        votes: poses; 1 for the most usual one alone. A 6 that may be a turned 9 is seen as both.

    Raises:
        ValueError: for a number of poses that there are not.
    """

    def __init__(self, canonicaliser: Canonicaliser, model: nn.Module, votes: int = 1) -> None:
        super().__init__()
        canonicaliser.check_poses(votes)
        self.canonicaliser, self.model, self.votes = canonicaliser, model, votes

    def forward(self, x: Tensor) -> Any:
        """What the model says of the canonical images."""
        if self.votes == 1:
            return self.model(self.canonicaliser(x)[0])
        copies = self.canonicaliser.poses(x, self.votes)
        return self.model(copies.flatten(0, 1)).unflatten(0, (self.votes, -1)).mean(0)
