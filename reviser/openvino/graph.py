"""A transformers model as OpenVINO's graph with the cache as state: the form in which GenAI takes models.

Source: optimum-intel's `exporters/openvino/stateful.py` for the form; the tracing is our own, since optimum-intel wants
an older transformers.
"""

import warnings
from importlib import import_module
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from coachlm.errors import ModelError
from reviser.openvino.folder import CacheShape
from reviser.openvino.runtime import import_openvino

_LEAST = torch.finfo(torch.float32).min


class _Step(torch.nn.Module):
    """The model with its cache as plain inputs and outputs: key and value of layer 0, of layer 1, …"""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, position_ids: torch.Tensor, *past: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """(B, T) new tokens, (B, P + T) mask, (B, T) places, (B, H, P, D) cache → (B, T, V) logits, longer cache."""
        cache: Any = DynamicCache()
        for key, value in zip(past[::2], past[1::2], strict=True):
            layer = DynamicLayer()
            layer.lazy_initialization(key, value)
            layer.keys, layer.values = key, value
            cache.layers.append(layer)
        known, new = past[0].shape[2], input_ids.shape[1]
        # A mask of four dimensions is taken as it is. Paged attention replaces it; the graph alone needs it.
        places = torch.arange(known + new)
        seen = (places[None, :] <= places[known:, None])[None, None] & attention_mask[:, None, None, :].bool()
        out = self.model(
            input_ids=input_ids,
            attention_mask=torch.where(seen, 0.0, _LEAST),
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=True,
        )
        return (out.logits, *(tensor for layer in cache.layers for tensor in (layer.keys, layer.values)))


def cache_layers(model: Any) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """(heads, head_dim) of keys and of values, a layer each.

    Raises: ModelError, for a model that keeps something else than all keys and values.
    """
    cache: Any = DynamicCache()
    with torch.inference_mode():
        model(input_ids=torch.ones(1, 1, dtype=torch.int64), past_key_values=cache, use_cache=True)
    if odd := [type(layer).__name__ for layer in cache.layers if type(layer) is not DynamicLayer] or not cache.layers:
        raise ModelError(f"{type(model).__name__} can't be converted: it keeps {odd or 'no keys and values'}")
    return [
        ((layer.keys.shape[1], layer.keys.shape[3]), (layer.values.shape[1], layer.values.shape[3]))
        for layer in cache.layers
    ]


def cache_shape(layers: list[tuple[tuple[int, int], tuple[int, int]]]) -> CacheShape:
    kept = [shape for layer in layers for shape in layer]
    return CacheShape(sum(heads for heads, _ in kept), sum(heads * width for heads, width in kept))


def trace(model: Any, layers: list[tuple[tuple[int, int], tuple[int, int]]]) -> Any:
    """An `openvino.Model` that shares the weights' memory. Raises: ModelError."""
    openvino = import_openvino()
    decoder = import_module("openvino.frontend.pytorch.ts_decoder").TorchScriptPythonDecoder
    shapes = [shape for layer in layers for shape in layer]
    example = (
        torch.ones(2, 3, dtype=torch.int64),
        torch.ones(2, 5, dtype=torch.int64),
        torch.arange(2, 5).repeat(2, 1),
        *(torch.zeros(2, heads, 2, width) for heads, width in shapes),
    )
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # tracing is deprecated in torch, and OpenVINO traces
            # Tracing twice more to compare would take most of the time; `probing.check_graph` compares what matters.
            unchecked = {"check_trace": False}
            traced = decoder(_Step(model).eval(), example_input=example, trace_kwargs=unchecked)
            graph = openvino.convert_model(traced, example_input=example)
    except Exception as error:  # both raise nearly anything
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{type(model).__name__} can't be converted: {reason}; take COACHLM_ENGINE=packed") from error
    return _stateful(openvino, graph, shapes)


def _stateful(openvino: Any, graph: Any, shapes: list[tuple[int, int]]) -> Any:
    """Names inputs and outputs as GenAI knows them, and makes state of the cache."""
    kinds = [f"{layer}.{kind}" for layer in range(len(shapes) // 2) for kind in ("key", "value")]
    past, present = [f"past_key_values.{kind}" for kind in kinds], [f"present.{kind}" for kind in kinds]
    tokens = ["input_ids", "attention_mask", "position_ids"]
    if len(graph.inputs) != len(tokens) + len(past):
        raise ModelError("the model can't be converted: it makes no use of places or mask; take COACHLM_ENGINE=packed")
    shape_of = openvino.PartialShape
    for port, name in zip(graph.inputs, tokens + past, strict=True):
        port.get_tensor().set_names({name})
        node = port.get_node()
        if name in tokens:
            node.set_partial_shape(shape_of([-1, -1]))
        else:
            heads, width = shapes[past.index(name)]
            node.set_partial_shape(shape_of([-1, heads, -1, width]))
    for port, name in zip(graph.outputs, ["logits", *present], strict=True):
        port.get_tensor().set_names({name})
    _let_rows_move(openvino, graph, past)
    from openvino._offline_transformations import apply_make_stateful_transformation

    apply_make_stateful_transformation(graph, dict(zip(past, present, strict=True)))
    _let_states_begin_empty(openvino, graph)
    graph.validate_nodes_and_infer_types()
    return graph


def _let_rows_move(openvino: Any, graph: Any, past: list[str]) -> None:
    """The input `beam_idx` says which row each row goes on from; GenAI looks for it."""
    ops = openvino.opset13
    beams = ops.parameter(openvino.PartialShape([-1]), openvino.Type.i32, name="beam_idx")
    beams.output(0).get_tensor().set_names({"beam_idx"})
    graph.add_parameters([beams])
    axis = ops.constant(0, dtype="int64")
    for name in past:
        port = graph.input(name)
        consumers = port.get_target_inputs()
        gathered = ops.gather(port.get_node(), beams, axis)
        for consumer in consumers:
            consumer.replace_source_output(gathered.output(0))
    graph.validate_nodes_and_infer_types()


def _let_states_begin_empty(openvino: Any, graph: Any) -> None:
    """Each state begins as (B, H, 0, D), with B of the tokens."""
    ops = openvino.opset13
    axis = ops.constant(0, dtype="int64")
    tokens = graph.input("input_ids").get_node()
    rows = ops.gather(ops.shape_of(tokens, output_type="i64"), ops.constant([0], dtype="int64"), axis)
    for node in graph.get_ops():
        if node.get_type_name() != "ReadValue":
            continue
        _, heads, _, width = node.get_output_partial_shape(0)
        sizes = [heads.get_length(), 0, width.get_length()]
        shape = ops.concat([rows, *(ops.constant([size], dtype="int64") for size in sizes)], axis=0)
        nothing = ops.constant(0.0, dtype=node.get_output_element_type(0).to_dtype())
        node.set_arguments([ops.broadcast(nothing, shape)])
