"""Weights in int8, one scale an output, in the form in which OpenVINO's CPU plugin multiplies without widening them."""

from typing import Any

import numpy as np

from reviser.openvino.runtime import import_openvino


def compress(graph: Any) -> int:
    """Put all matrices of linear layers and embeddings in int8; how many there were. Biases and norms stay."""
    openvino = import_openvino()
    done = 0
    for node in graph.get_ops():
        kind = node.get_type_name()
        if kind not in ("MatMul", "Gather"):
            continue
        weights = node.input(1 if kind == "MatMul" else 0).get_source_output().get_node()
        if not _is_matrix(openvino, weights):
            continue
        # Outputs of a layer, and tokens of an embedding, are rows; GPT-2 keeps its layers the other way round.
        columns = kind == "MatMul" and not node.get_attributes()["transpose_b"]
        wide = _compressed(openvino.opset13, weights.data, axis=0 if columns else 1)
        wide.set_friendly_name(f"{weights.get_friendly_name()}/int8")
        for consumer in weights.output(0).get_target_inputs():
            consumer.replace_source_output(wide.output(0))
        done += 1
    graph.validate_nodes_and_infer_types()
    return done


def _is_matrix(openvino: Any, node: Any) -> bool:
    return (
        node.get_type_name() == "Constant"
        and node.get_element_type() == openvino.Type.f32
        and len(node.get_output_shape(0)) == 2
    )


def _compressed(ops: Any, weights: "np.ndarray[Any, np.dtype[np.float32]]", axis: int) -> Any:
    """(outputs, inputs) for axis 1. Symmetric: a zero point made it no better and no faster."""
    scales = np.abs(weights).max(axis=axis, keepdims=True) / np.float32(127)
    scales[scales == 0] = 1
    narrow = np.round(weights / scales).astype(np.int8)
    return ops.multiply(ops.convert(ops.constant(narrow), "f32"), ops.constant(scales.astype(np.float32)))
