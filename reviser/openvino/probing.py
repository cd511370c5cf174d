"""Whether a converted model computes what the original does, found out before any pair depends on it."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from coachlm.errors import ModelError
from coachlm.pairs import InstructionPair
from coachlm.prompt import coach_prompt
from reviser.models.model_loading import LoadedModel
from reviser.openvino.decoder import open_pipeline, request_config
from reviser.openvino.runtime import import_openvino

_EXACT = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}
_GRAPH_ERROR = 1e-3  # of the largest logit: float32 sums in another order
_PROBE_TOKENS = 24
_PROBE_ERROR = {False: 1e-2, True: 1.0}  # mean difference of log likelihoods, in float32 and int8
_PROBE_PAIR = InstructionPair("Name a fruit that grows in Norway.", "", "apples, and pears.")


def check_graph(graph: Any, loaded: LoadedModel) -> None:
    """Compare the graph's logits over two steps with the model's own. Raises: ModelError."""
    tokens = _probe_tokens(loaded)
    first, second = tokens[:-1], tokens[-1:]
    with torch.inference_mode():
        own = loaded.model(input_ids=torch.tensor([tokens])).logits[0].numpy()  # (T, V)
    request = import_openvino().Core().compile_model(graph, "CPU", _EXACT).create_infer_request()
    found = []
    for known, part in ((0, first), (len(first), second)):
        out = request.infer(
            {
                "input_ids": np.array([part]),
                "attention_mask": np.ones((1, known + len(part)), dtype=np.int64),
                "position_ids": np.arange(known, known + len(part))[None],
                "beam_idx": np.zeros(1, dtype=np.int32),
            }
        )
        found.append(out["logits"][0])
    error = float(np.abs(np.concatenate(found) - own).max() / np.abs(own).max())
    if not error < _GRAPH_ERROR:
        raise ModelError(
            f"model {loaded.name} can't be converted: its logits came out {error:.1e} apart; take COACHLM_ENGINE=packed"
        )


def probe_error(folder: Path, loaded: LoadedModel, int8: bool) -> float:
    """Mean difference of log likelihoods between what GenAI writes after a coach prompt and what the model says of it.

    Raises: ModelError, where they are too far apart.
    """
    prompt = _probe_tokens(loaded)
    pipeline = open_pipeline(folder, cache_type="u8" if int8 else "f32", blocks=64, slots=1)
    config = request_config((), _PROBE_TOKENS)
    config.logprobs, config.ignore_eos = 1, True
    tensor = import_openvino().Tensor(np.array([prompt]))
    handle = pipeline.add_request(0, tensor, config)
    while pipeline.has_non_finished_requests():
        pipeline.step()
    (written,) = handle.read_all()
    ids = list(written.generated_ids)
    with torch.inference_mode():
        logits = loaded.model(input_ids=torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1]  # (T, V)
    own = torch.log_softmax(logits.double(), dim=-1).gather(1, torch.tensor(ids)[:, None])[:, 0].numpy()
    error = float(np.abs(own - np.array(written.generated_log_probs)).mean())
    if not error < _PROBE_ERROR[int8]:
        raise ModelError(
            f"model {loaded.name} can't be converted: its log likelihoods came out {error:.2g} apart; "
            + ("leave --int8 out" if int8 else "take COACHLM_ENGINE=packed")
        )
    return error


def _probe_tokens(loaded: LoadedModel) -> list[int]:
    return loaded.encode(coach_prompt(_PROBE_PAIR))[: loaded.context_tokens - _PROBE_TOKENS]
