"""What of a trained model runs elsewhere: tensors in a user's units in, named tensors out."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from symmetry_pl.core import DataDescription, SymmetryModule
from symmetry_pl.lens.lens_domain import LensDomain
from symmetry_pl.lens.symmetry_lens import SymmetryLens
from symmetry_pl.sgm.image_form import ImageForm
from symmetry_pl.sgm.prototype_module import PrototypeModule
from symmetry_pl.stib.invariance import InvarianceModule
from symmetry_pl.stib.token_flow_stib import TokenFlowSTIB

__all__ = ["Graph", "graph_of"]


class Graph(nn.Module):
    """A trained model as a function of one tensor, without noise, trainer or files.

    Args:
        module: the trained model.
        data: what it knows of its data.

    Attributes:
        input_name: of the one input.
        output_names: of the tensors that ``forward`` gives, in order.
    """

    input_name = "x"
    output_names: tuple[str, ...]

    def __init__(self, module: SymmetryModule, data: DataDescription) -> None:
        super().__init__()
        self.data, self.kind = data, data.kind
        for name in ("mean", "scale"):
            given = data.extra.get(name) if data.kind == "vector" else None
            neutral = float(name == "scale")
            value = torch.as_tensor(neutral if given is None else given, dtype=torch.float64)
            self.register_buffer(name, value)

    @abstractmethod
    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The outputs of a batch ``(B, …)``, in the user's units."""

    def standard(self, x: Tensor) -> Tensor:
        """Vectors as the model sees them; differences in float64, as columns may be far from 0."""
        scaled = (x.double() - self.get_buffer("mean")) / self.get_buffer("scale")
        return scaled.to(torch.get_default_dtype())

    def example(self, count: int, generator: torch.Generator) -> Tensor:
        """Random inputs of the right shape, to trace the graph with and to compare it on."""
        shape = (count, *self.data.x_shape)
        if self.kind == "tokens":
            tokens = torch.randint(1, len(self.data.symbols), shape, generator=generator)
            lengths = torch.randint(1, shape[1] + 1, (count, 1), generator=generator)
            return tokens * (torch.arange(shape[1]) < lengths)
        if self.kind == "image":
            return self._pictures(shape, generator)
        x = torch.randn(shape, generator=generator, dtype=torch.float64)
        return (x * self.get_buffer("scale") + self.get_buffer("mean")).float()

    def _pictures(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Two smooth spots on black, in the range of values of the training images."""
        axes = [torch.linspace(-1, 1, n) for n in shape[2:]]
        grid = torch.stack(torch.meshgrid(*axes, indexing="ij"))
        spots = torch.zeros(shape)
        for width in (0.04, 0.02):
            at = torch.rand(*shape[:2], 2, 1, 1, generator=generator) - 0.5
            spots += torch.exp(-(grid - at).square().sum(2) / width)
        low, high = value_range(self.data)
        return low + (high - low) * spots.clamp(0, 1)

    def extra(self) -> dict[str, Any]:
        """What a reader of the graph has to know beside names and shapes."""
        if self.kind == "tokens":
            return {"symbols": self.data.symbols, "representation": self.data.representation}
        if self.kind == "image":
            return {"value_range": value_range(self.data)}
        return {"columns": list(map(str, self.data.extra.get("columns", ())))}


class InvarianceGraph(Graph):
    """Z1, Z0 and the targets in their own units of vectors ``(B, d)`` or tokens ``(B, L)``.

    Methods that are told the targets give Z0 alone. ``TokenFlowSTIB``, whose Z0 is an arithmetic
    code and no function that a graph can hold, gives Z1 and the targets.
    """

    def __init__(self, module: InvarianceModule, data: DataDescription) -> None:
        super().__init__(module, data)
        self.module = module
        with torch.no_grad():
            found = self._named(self.example(2, torch.Generator().manual_seed(0)))
        self.output_names = tuple(found)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Those of ``output_names``."""
        return tuple(self._named(x).values())

    def _named(self, x: Tensor) -> dict[str, Tensor]:
        inputs = x if self.kind == "tokens" else self.standard(x)
        if isinstance(self.module, TokenFlowSTIB):
            z1 = self.module.predict_z1(inputs)
            return {"z1": z1, "y": self.module.physical(z1.double())}
        code = self.module.encode(inputs)
        found = {} if code.z1 is None else {"z1": code.z1}
        found["z0"] = code.z0
        target = None if self.module.needs_targets else self.module.predict_target(code)
        return found if target is None else {**found, "y": self.module.physical(target.double())}


class PrototypeGraph(Graph):
    """Prototypes ``(B, C, H, W)`` of images of this shape, and the elements η ``(B, k)``."""

    input_name = "images"
    output_names = ("prototypes", "elements")

    def __init__(self, module: PrototypeModule, data: DataDescription) -> None:
        super().__init__(module, data)
        self.inference, self.group = module.inference, module.group
        black, white = value_range(data)[:: -1 if data.extra.get("invert") else 1]
        self.form = ImageForm(data.x_shape, (black, white), clip=False)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Prototypes in the range of values of the images, and η."""
        hidden = self.form.to_model(x)
        element = self.inference(hidden)
        prototypes = self.group.apply(self.group.inverse(element), hidden)
        return self.form.to_owner(prototypes), self.group.coordinates(element)

    def extra(self) -> dict[str, Any]:
        """The range of values, and the names of η's coordinates."""
        return {**super().extra(), "elements": list(self.group.names)}


class LiftGraph(Graph):
    """The representation ``(B, d)`` of signals that the learned symmetry shifts."""

    output_names = ("representation",)

    def __init__(self, module: SymmetryLens, data: DataDescription) -> None:
        super().__init__(module, data)
        symmetry = module.symmetry
        with torch.no_grad():
            self.register_buffer("lift", symmetry.lift().clone())
            self.register_buffer("shift", symmetry.shift.clone())
            self.register_buffer("unit", symmetry.scale.clone())

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The lifted signals."""
        scaled = (self.standard(x) - self.get_buffer("shift")) / self.get_buffer("unit")
        return (scaled @ self.get_buffer("lift").T,)


class DomainGraph(Graph):
    """The images ``(B, C, H, W)`` or lines ``(B, C, L)`` behind scrambled vectors ``(B, d)``."""

    output_names = ("images",)

    def __init__(self, module: LensDomain, data: DataDescription) -> None:
        super().__init__(module, data)
        self.layer = module.as_layer()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The unscrambled images, in the standard units of the model."""
        return (self.layer(self.standard(x)),)


_KINDS: tuple[tuple[type[SymmetryModule], Any], ...] = (
    (InvarianceModule, InvarianceGraph),
    (PrototypeModule, PrototypeGraph),
    (SymmetryLens, LiftGraph),
    (LensDomain, DomainGraph),
)


def graph_of(module: SymmetryModule) -> Graph:
    """The part of a trained model that runs elsewhere, frozen.

    Raises:
        ValueError: if its class has none, or it does not know its data.
    """
    kind = next((graph for family, graph in _KINDS if isinstance(module, family)), None)
    if kind is None:
        raise ValueError(
            f"a {type(module).__name__} has no encoder to export: there is one in methods that "
            "split codes, find prototypes, lift signals or unscramble vectors"
        )
    if module.data is None:
        raise ValueError("the model was trained on plain loaders and does not know its data")
    if module.data.kind == "cloud":
        raise ValueError("models of clouds are not exported: load them with symmetry_pl.load")
    graph: Graph = kind(module.eval().float().cpu(), module.data)
    return graph.eval().requires_grad_(False)


def value_range(data: DataDescription) -> list[float]:
    """The values of images that are black and white."""
    low, high = data.extra.get("value_range") or (0.0, 1.0)
    return [float(low), float(high)]
