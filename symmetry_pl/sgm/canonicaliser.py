"""Images brought to one pose in front of any model, by a trained SGM or by its frame alone."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import torch
from scipy.stats import chi2
from torch import Tensor, nn

from symmetry_pl.core import DataDescription
from symmetry_pl.core.registry import check_choice
from symmetry_pl.groups.base import without_autocast
from symmetry_pl.rng import global_generators_kept
from symmetry_pl.sgm.canonicalised_model import CanonicalisedModel
from symmetry_pl.sgm.image_form import Level
from symmetry_pl.sgm.pretrained import PretrainedSGM
from symmetry_pl.sgm.prototype_module import PrototypeModule
from symmetry_pl.sgm.sgm import SGM
from symmetry_pl.sgm.usual_pose import usual_poses

__all__ = ["CanonicalImages", "Canonicaliser"]

Pose = Literal["usual", "prototype"]

_DRAWS = 32
_CHUNK = 1000  # images whose draws are worked through at once
_MASS = 0.99  # of a normal law, inside of the gate unless images say otherwise


class CanonicalImages(NamedTuple):
    """What a canonicaliser makes of images, and what it knows of them.

    Attributes:
        images: x̂ ``(B, C, H, W)``, in the form of the images.
        element: g ``(B, …)`` with x = T_g(x̂); the identity where an image was left alone.
        moved: which images were moved, ``(B,)``.
        gap: log p of the most usual pose less log p of the image's own, in nats ``(B,)``; NaN where
            no p(η | x̂) was learned.
        confidence: how sure the turn is, ``(B,)`` in (0, 1); None where the frame does not know.
    """

    images: Tensor
    element: Tensor
    moved: Tensor
    gap: Tensor
    confidence: Tensor | None


class Canonicaliser(PretrainedSGM):
    r"""Images in the pose that a classifier knows: ``x̂, element = c(x)`` with x = T_element(x̂).

    The SGM infers η of an image and with it the prototype, which all its moved copies share. Then
    the image is moved, by one warp, to

    - ``usual``: the most usual pose η* that p(η | x̂) has for this prototype (``usual_pose``): that
      of the images the SGM was trained on. A classifier of such images needs no other training.
    - ``prototype``: the prototype itself, for a classifier that is trained on prototypes.

    A *gate* leaves an image alone whose own pose is usual enough,

    .. math:: \log p(η^* \mid \hat x) - \log p(η \mid \hat x) \le \text{gate}

    so that images which are upright lose nothing, neither to interpolation nor to a pose that is
    not quite theirs. The difference is that of two densities in one chart, of moving the image
    against not moving it. Of a normal law it is half a χ² of as many degrees as the group has
    coordinates that move, whose 99 % quantile is the gate at first; ``calibrate`` takes it from
    images instead.

    It has no mode, and its weights no gradient. Each image is worked through on its own, and
    nothing is drawn: the poses that are compared come of the same noise for every image.

    Args:
        sgm: a trained model; one without p(η | x̂) gives prototypes, and has no gate.
        value_range: what is black and what is white, as of ``ImageForm``.
        pose: which; None for ``usual`` where p(η | x̂) was learned.
        gate: in nats; None for the quantile; −inf moves all images.
        draws: poses of p(η | x̂) that the most usual one is looked for among.
        clip: whether moved images are kept within their range.

    Raises:
        ValueError: for an option out of range, or one that needs p(η | x̂) where there is none.
    """

    gate: Tensor
    noise: Tensor

    def __init__(
        self,
        sgm: PrototypeModule,
        value_range: tuple[Level, Level] = (0.0, 1.0),
        pose: Pose | None = None,
        gate: float | None = None,
        draws: int = _DRAWS,
        clip: bool = True,
    ) -> None:
        super().__init__(sgm, value_range, clip)
        learned = bool(sgm.fitted)
        self.pose: Pose = pose or ("usual" if learned else "prototype")
        check_choice("pose", self.pose, ("usual", "prototype"))
        if draws < 1 or (gate is not None and math.isnan(gate)):
            raise ValueError(f"draws must be at least 1 and gate a number, got {draws} and {gate}")
        if self.pose == "usual":
            self._check_flow("pose usual")
        if gate is not None and gate > -math.inf:
            self._check_flow("a gate")
        if gate is None:
            gate = _normal_gate(sgm) if learned and self.pose == "usual" else -math.inf
        self.register_buffer("gate", torch.tensor(float(gate)))
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("noise", torch.randn(draws, sgm.group.dim, generator=generator))

    @classmethod
    def untrained(
        cls,
        image_shape: tuple[int, int, int],
        group: str = "affine",
        group_options: dict[str, Any] | None = None,
        frame: dict[str, Any] | None = None,
        **options: Any,
    ) -> Canonicaliser:
        """The frame alone, of images of this shape: prototypes without any training.

        ``adopt`` lets it look at images, which makes its turns surer.

        Args:
            image_shape: ``(C, H, W)``.
            group: its name, or the path of a class, as of ``SGM``.
            group_options: its options; of an affine group all six transformations.
            frame: options of ``FrameNetwork``, such as ``{"affine": {"fit": "isometry"}}``; an
                affine frame is the robust one unless they say otherwise.
            options: the other arguments of ``Canonicaliser``.

        Raises:
            ValueError: for a group without a frame, or an option that is refused.
        """
        six = {"bounds": [0.25, 0.25, math.pi, 0.25, 0.25, 0.25], "chart": "polar"}
        given = dict(frame or {})
        affine = {"robust": True, **given.pop("affine", {})}
        with global_generators_kept():
            sgm = SGM(
                group=group,
                group_options=six if group_options is None and group == "affine" else group_options,
                inference="frame",
                inference_options={"widths": [], "affine": affine, **given},
                generative_options={"widths": [8], "hidden": [8], "base_hidden": [], "layers": 2},
                spread=None,
            )
            sgm.describe_data(DataDescription("image", image_shape))
        return cls(sgm, **options)

    @torch.no_grad()
    def adopt(self, x: Tensor) -> str | None:
        """Let the frame of an untrained model learn from images what their turns are.

        Args:
            x: ``(N, C, H, W)``, without labels; a few hundred do.

        Returns:
            What was found, in words; None where there was nothing to learn.

        Raises:
            ValueError: for other images, or a trained model, whose p(η | x̂) goes with its frame.
        """
        if self.sgm.fitted:
            raise ValueError("adopt is for untrained models: the frame of this one was learned")
        return self.sgm.inference.adopt(self.form.seen(x))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Canonical images ``(B, C, H, W)`` and elements ``(B, …)``, see ``look`` for more.

        Args:
            x: float images in the range, ``(B, C, H, W)``, of any size of the model's aspect.

        Raises:
            ValueError: for what are no such images.
        """
        found = self.look(x)
        return found.images, found.element

    def look(self, x: Tensor) -> CanonicalImages:
        """The same, with what is known of each image; errors as of ``forward``."""
        seen, change, moved, gap = self._found(x)
        element = self.group.inverse(change[:, 0])
        sure = self.confidence(x, seen)
        return CanonicalImages(self._at(change[:, 0], moved, x), element, moved, gap, sure)

    def poses(self, x: Tensor, count: int) -> Tensor:
        """Images in their k most usual poses, of which ``forward`` gives the first.

        An image that the gate leaves alone is k times itself.

        Args:
            x: as of ``forward``.
            count: k, at most ``draws``.

        Returns:
            ``(k, B, C, H, W)``.

        Raises:
            ValueError: for more poses than were drawn, or than one where there is no p(η | x̂).
        """
        self.check_poses(count)
        _, change, moved, _ = self._found(x, count)
        return torch.stack([self._at(one, moved, x) for one in change.unbind(1)])

    def check_poses(self, count: int) -> None:
        """Refuse a number of poses that there are not."""
        most = len(self.noise) if self.pose == "usual" else 1
        if not 1 <= count <= most:
            raise ValueError(
                f"there are 1 to {most} poses of an image (draws, and 1 where pose is prototype), "
                f"got {count}"
            )

    def restore(self, images: Tensor, element: Tensor) -> Tensor:
        """Images where they were: T_element of ``(B, C, H, W)`` in the range."""
        return self.form.moved(self.group, element, images)

    @torch.no_grad()
    def confidence(self, x: Tensor, seen: Tensor | None = None) -> Tensor | None:
        """How probable it is that a copy gets the same turn, ``(B,)``; None of a plain frame."""
        return self.sgm.inference.confidence(self.form.seen(x) if seen is None else seen)

    @torch.no_grad()
    def calibrate(self, x: Tensor, keep: float = 0.99) -> float:
        """Set the gate so that this share of images is left alone.

        Args:
            x: images in the poses that the classifier was trained on, ``(N, C, H, W)``; others
                than it is tested on.
            keep: share.

        Returns:
            The gate, in nats.

        Raises:
            ValueError: for a share out of (0, 1), other images, or a model without p(η | x̂).
        """
        if not 0 < keep < 1:
            raise ValueError(f"keep is a share between 0 and 1, got {keep}")
        self._check_flow("calibrate")
        seen = torch.split(self.form.seen(x), _CHUNK)
        gaps = torch.cat([self._changes(part, 1)[1] for part in seen])
        self.gate.fill_(gaps.quantile(keep))
        return float(self.gate)

    def before(self, model: nn.Module, votes: int = 1) -> CanonicalisedModel:
        """A model that sees canonical images only.

        Args:
            model: any module of images.
            votes: how many of the most usual poses its output is averaged over.

        Raises:
            ValueError: for a number of poses that there are not.
        """
        return CanonicalisedModel(self, model, votes)

    def _found(self, x: Tensor, count: int = 1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Images as the model sees them, k elements of each, which are moved, and the gaps."""
        seen = self.form.seen(x)
        parts = [self._changes(part, count) for part in torch.split(seen.detach(), _CHUNK)]
        change, gap = (torch.cat(values) for values in zip(*parts, strict=True))
        moved = ~(gap <= self.gate)  # where there is no law there is no gate
        whole = (slice(None),) + (None,) * (change.ndim - 1)
        still = self.group.identity(len(x), dtype=change.dtype, device=change.device)
        return seen, torch.where(moved[whole], change, still[:, None]), moved, gap

    def _at(self, change: Tensor, moved: Tensor, x: Tensor) -> Tensor:
        """Images, moved; what is left alone keeps its very pixels."""
        return torch.where(moved[:, None, None, None], self.form.moved(self.group, change, x), x)

    @torch.no_grad()
    def _changes(self, seen: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Elements ``(B, k, …)`` from images to their canonical ones, and gaps of their poses."""
        prototypes, element = self._orbit(seen)
        back = self.group.inverse(element)
        if not self.sgm.fitted:
            return back[:, None], torch.full_like(seen[:, 0, 0, 0], math.nan)
        with without_autocast(seen):
            pose, log_prob = usual_poses(self.sgm, prototypes, self.noise, count)
            own = self.sgm.generative.log_prob(self.sgm.coordinates(element), prototypes)
            if self.pose == "prototype":
                return back[:, None], log_prob[:, 0] - own
            drawn = self.group.element(pose.flatten(0, 1))
            change = self.group.compose(back.repeat_interleave(count, 0), drawn)
        return change.view(-1, count, *change.shape[1:]), log_prob[:, 0] - own


def _normal_gate(sgm: PrototypeModule) -> float:
    """Half the 99 % quantile of χ² with a degree for each coordinate that is ever moved."""
    moving = sum(bound > 0 for bound in sgm.group.bounds)
    return float(chi2.ppf(_MASS, moving)) / 2
