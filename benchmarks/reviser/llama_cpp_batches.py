"""llama.cpp by its C interface: many sequences in one batch, a new one as soon as another ends, outputs forced."""

import ctypes
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.reviser.peers import Row

BATCH_TOKENS = 512  # as the packed engine's prefill
_BLOCK = 32  # numbers that share a scale
FORMATS = ("F32", "Q8_0", "Q4_0")


def is_installed() -> bool:
    return find_spec("llama_cpp") is not None and find_spec("gguf") is not None


@contextmanager
def converted(model: Any, numbers: str) -> Iterator[Path]:
    """A Llama as a GGUF file, its matrices in one of `FORMATS`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{numbers}.gguf"
        _write(model, path, numbers)
        yield path


def _write(model: Any, path: Path, numbers: str) -> None:
    gguf: Any = import_module("gguf")
    config = model.config
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("no_vocab")
    kind = gguf.GGMLQuantizationType[numbers]
    for name, tensor in _tensors(model):
        if tensor.ndim == 2 and numbers != "F32" and tensor.shape[1] % _BLOCK == 0:
            writer.add_tensor(name, gguf.quants.quantize(tensor, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


_LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def _tensors(model: Any) -> Iterator[tuple[str, Any]]:
    config, state = model.config, {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    yield "token_embd.weight", state["model.embed_tokens.weight"]
    for layer in range(config.num_hidden_layers):
        for theirs, ours in _LAYER.items():
            tensor = state[f"model.layers.{layer}.{theirs}.weight"]
            heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(ours)
            yield f"blk.{layer}.{ours}.weight", tensor if heads is None else _interleaved(tensor, heads)
    yield "output_norm.weight", state["model.norm.weight"]
    yield "output.weight", state["lm_head.weight"]


def _interleaved(tensor: Any, heads: int) -> Any:
    """llama.cpp turns neighbouring numbers of a head, transformers those half a head apart."""
    halves = tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, tensor.shape[1])
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(tensor.shape))


@dataclass(slots=True)
class _Running:
    """A row in a slot."""

    row: Row
    slot: int
    prompt_done: int = 0
    output_done: int = 0


class LlamaCpp:
    """A model on one thread with so many sequences at once."""

    def __init__(self, path: Path, slots: int, tokens: int) -> None:
        """`tokens`: what all sequences under way may have together."""
        llama_cpp: Any = import_module("llama_cpp")
        self._lib = llama_cpp
        llama_cpp.llama_backend_init()
        self._quiet = llama_cpp.llama_log_callback(lambda *_: None)
        llama_cpp.llama_log_set(self._quiet, ctypes.c_void_p(0))
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
        options = llama_cpp.llama_context_default_params()
        options.n_ctx, options.n_batch, options.n_ubatch = tokens, BATCH_TOKENS, BATCH_TOKENS
        options.n_seq_max, options.n_threads, options.n_threads_batch = slots, 1, 1
        options.kv_unified = True
        self._context = llama_cpp.llama_init_from_model(self._model, options)
        if not self._model or not self._context:
            sys.exit(f"llama.cpp can't load {path.name}")
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(BATCH_TOKENS, 0, 1)
        self._slots = slots
        self._vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self._model))

    def run(self, rows: list[Row]) -> None:
        """Each row's tokens through the model; the next token is looked for in the logits, then the row's is taken."""
        waiting, running, free = list(rows)[::-1], list[_Running](), list(range(self._slots))
        while waiting or running:
            while waiting and free:
                running.append(_Running(waiting.pop(), free.pop()))
            asked = self._step(running)
            for place, each in asked:
                self._argmax(place)
                each.output_done += 1
            for each in [each for each in running if each.output_done >= len(each.row.output)]:
                self._lib.llama_memory_seq_rm(self._memory, each.slot, -1, -1)
                running.remove(each)
                free.append(each.slot)

    def logits(self, tokens: list[int]) -> Any:
        """(V,) after these tokens alone."""
        only = _Running(Row(tokens, [], 0.0), 0)
        ((place, _),) = self._step([only])
        found = np.array(self._row(place))
        self._lib.llama_memory_seq_rm(self._memory, 0, -1, -1)
        return found

    def close(self) -> None:
        self._lib.llama_batch_free(self._batch)
        self._lib.llama_free(self._context)
        self._lib.llama_model_free(self._model)

    def _step(self, running: list[_Running]) -> list[tuple[int, _Running]]:
        """One forward; where in it a next token is to be read, and whose."""
        self._batch.n_tokens, asked = 0, list[tuple[int, _Running]]()
        for each in sorted(running, key=lambda each: each.output_done == 0):  # running rows first, then prompts
            if each.output_done:
                place = len(each.row.prompt) + each.output_done - 1
                asked.append((self._put(each.row.output[each.output_done - 1], place, each.slot, True), each))
                continue
            prompt = each.row.prompt
            for place in range(each.prompt_done, min(len(prompt), each.prompt_done + self._room)):
                last = place == len(prompt) - 1
                at = self._put(prompt[place], place, each.slot, last)
                each.prompt_done = place + 1
                if last:
                    asked.append((at, each))
        if self._lib.llama_decode(self._context, self._batch) != 0:
            sys.exit("llama.cpp could not decode a batch")
        return asked

    @property
    def _room(self) -> int:
        return BATCH_TOKENS - self._batch.n_tokens

    def _put(self, token: int, place: int, slot: int, wanted: bool) -> int:
        at = self._batch.n_tokens
        self._batch.token[at], self._batch.pos[at], self._batch.logits[at] = token, place, wanted
        self._batch.n_seq_id[at], self._batch.seq_id[at][0] = 1, slot
        self._batch.n_tokens += 1
        return at

    def _row(self, place: int) -> Any:
        pointer = self._lib.llama_get_logits_ith(self._context, place)
        return np.ctypeslib.as_array(pointer, (self._vocabulary,))

    def _argmax(self, place: int) -> int:
        return int(self._row(place).argmax())


def logits_error(peer: LlamaCpp, model: Any, tokens: list[int]) -> float:
    """Of the largest logit: whether both compute the same model."""
    with torch.inference_mode():
        own = model(input_ids=torch.tensor([tokens])).logits[0, -1].numpy()
    return float(np.abs(peer.logits(tokens) - own).max() / np.abs(own).max())
