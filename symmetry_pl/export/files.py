"""Graphs as files, compared with the model that they are of before they are kept."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import SymmetryModule
from symmetry_pl.core.files import atomic_write
from symmetry_pl.export.graphs import Graph, graph_of
from symmetry_pl.runs.provenance import package_version

__all__ = ["FORMATS", "Exported", "export"]

FORMATS = (".pt2", ".onnx")
"""Endings of files: ``torch.export`` and ONNX."""

_TOLERANCE = 1e-4  # of a unit of the output's own size, in float32
_TRACED, _COMPARED = 3, (1, 8)  # samples; other numbers show that the batch is free


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the file.
        card: names, shapes and units, as they stand in the file.
        difference: greatest difference from the model, relative to the size of the output; None
            where nothing could run the file.
    """

    path: Path
    card: dict[str, Any]
    difference: float | None


def export(module: SymmetryModule, path: Path | str) -> Exported:
    """Write the encoder of a trained model as a graph that runs without this package.

    The graph takes a batch of any size in the user's units. It is run on random inputs and compared
    with the model before the file appears under its name.

    Args:
        module: the trained model.
        path: ends in ``.pt2``, for ``torch.export.load`` in Python and AOTInductor, or in
            ``.onnx``.

    Raises:
        ValueError: for another ending, a model without an encoder, one whose steps depend on the
            data so that no graph has them, or a graph that says something else than the model.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise ValueError(f"{path.name} must end in {' or '.join(FORMATS)}, which says the format")
    onnx = path.suffix == ".onnx"
    if onnx:
        _check_onnx()
    graph = graph_of(module)
    card = _card(module, graph)
    program = _traced(graph)
    content, run = _onnx(program, graph, card) if onnx else _pt2(program, card)
    difference = None if run is None else _difference(graph, run)
    if difference is not None and not difference < _TOLERANCE:
        raise ValueError(
            f"the graph differs from the model by {difference:.2g} of its outputs' size, and was "
            "not written: this is a fault of the exporter, not of the model"
        )
    atomic_write(path, content)
    return Exported(path, card, difference)


_Run = Callable[[Tensor], tuple[Tensor, ...]]


def _traced(graph: Graph) -> Any:
    example = graph.example(_TRACED, torch.Generator().manual_seed(0))
    batch = torch.export.Dim("batch")
    try:
        return torch.export.export(graph, (example,), dynamic_shapes=({0: batch},), strict=False)
    except (RuntimeError, torch._dynamo.exc.TorchDynamoException) as error:
        said = str(error).strip().splitlines()
        raise ValueError(
            f"the {type(graph).__name__} of this model takes steps that depend on its data, and no "
            f"graph has them: {said[0] if said else type(error).__name__}"
        ) from error


def _card(module: SymmetryModule, graph: Graph) -> dict[str, Any]:
    with torch.no_grad():
        x = graph.example(1, torch.Generator().manual_seed(0))
        outputs = graph(x)
    return {
        "format": 1,
        "symmetry_pl": package_version(),
        "model": type(module).__name__,
        "input": {"name": graph.input_name, **_shape(x)},
        "outputs": {n: _shape(y) for n, y in zip(graph.output_names, outputs, strict=True)},
        "targets": dict(
            zip(
                graph.data.target_names,
                graph.data.target_units or [""] * len(graph.data.target_names),
                strict=True,
            )
        ),
        **graph.extra(),
    }


def _shape(x: Tensor) -> dict[str, Any]:
    return {"shape": ["batch", *x.shape[1:]], "dtype": str(x.dtype).removeprefix("torch.")}


def _pt2(program: Any, card: dict[str, Any]) -> tuple[bytes, _Run | None]:
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={"card.json": json.dumps(card)})
    buffer.seek(0)
    run: _Run = torch.export.load(buffer).module()
    return buffer.getvalue(), run


def _check_onnx() -> None:
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"files that end in .onnx need the package {missing[0]}: install symmetry_pl[onnx]"
        )


def _onnx(program: Any, graph: Graph, card: dict[str, Any]) -> tuple[bytes, _Run | None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = torch.onnx.export(
                program,
                input_names=[graph.input_name],
                output_names=list(graph.output_names),
                dynamo=True,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        said = str(error.__cause__ or error).strip().splitlines()
        raise ValueError(f"ONNX lacks a step of this model: {said[0]}: write a .pt2") from error
    assert found is not None
    proto = found.model_proto
    for key, value in card.items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, value if isinstance(value, str) else json.dumps(value)
    content: bytes = proto.SerializeToString()
    return content, _onnx_run(content, graph)


def _onnx_run(content: bytes, graph: Graph) -> _Run | None:
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(x: Tensor) -> tuple[Tensor, ...]:
        found = session.run(list(graph.output_names), {graph.input_name: x.numpy()})
        return tuple(map(torch.as_tensor, found))

    return run


def _difference(graph: Graph, run: _Run) -> float:
    """Greatest difference over batches of other sizes, in units of each output's largest number."""
    worst = 0.0
    with torch.no_grad():
        for count in _COMPARED:
            x = graph.example(count, torch.Generator().manual_seed(count))
            for wanted, found in zip(graph(x), run(x), strict=True):
                size = wanted.abs().amax().clamp_min(1e-12)
                worst = max(worst, float(((wanted - found).abs().amax() / size).nan_to_num(1e9)))
    return worst
