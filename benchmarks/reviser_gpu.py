"""The packed engine on a GPU: plain PEFT `generate`, its static cache, transformers' continuous batching, and ours.

A random LLaMA-7B in bfloat16; the expert revisions are forced upon it token by token, as in `benchmarks.reviser`. One
run prints samples per second, milliseconds of a full decoding step, and the share of a roofline: no step can be shorter
than reading all weights and the cache of its rows once, or than its products, at the rates that a copy and a product
of two matrices reach on the device in the same run. What of a prompt is shared counts as computed for nobody.

`--quick` takes a toy model, and runs on a CPU too (`--device cpu`): that shows that all runs, nothing else; steps of
fixed shapes are then computed anew instead of replayed, and the kernel is left out. Within ten minutes on an H200, so
the aim; it was never run on a GPU so far.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig
from transformers.generation.configuration_utils import ContinuousBatchingConfig

from benchmarks.reviser.peers import BOS, EOS, PAD, Row, plain, transformers_cb
from benchmarks.reviser.run import force_output, read_rows, sample
from reviser.packed.engine import Engine, EngineOptions
from reviser.packed.graphs import CudaGraphs, Graphs, Rerun
from reviser.packed.scheduler import Step
from reviser.packed.slots.support import UnsupportedModel
from reviser.packed.tile_attention import AttentionKind
from reviser.pairs.requests import Request

_ROUNDS = 4  # rows for each slot, so that slots are mostly full
_SAID = 24


@dataclass(frozen=True, slots=True)
class Size:
    """How much the run does."""

    rows: int
    peer_rows: int
    slots: tuple[int, ...]
    slot_tokens: int  # longer rows are left out
    vocabulary: int
    hidden: int
    inner: int
    layers: int
    heads: int
    cache_bytes: int
    copied_bytes: int  # to measure the bandwidth
    product: int  # side of the matrices that measure the arithmetic


FULL = Size(512, 64, (32, 128), 1024, 32000, 4096, 11008, 32, 32, 80 << 30, 4 << 30, 8192)
QUICK = Size(16, 4, (4,), 640, 1000, 64, 172, 2, 4, 1 << 26, 1 << 26, 512)


@dataclass(frozen=True, slots=True)
class Way:
    """One of ours."""

    slots: int
    graphs: Graphs | None
    attention: AttentionKind
    drafts: bool

    @property
    def name(self) -> str:
        steps = "free shapes" if self.graphs is None else f"graphs, {self.attention}"
        return f"packed {self.slots}, {steps}{', drafts' if self.drafts else ''}"


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of it."""

    way: Way
    rate: float  # samples per second
    step_ms: float  # of a step in which all slots decode
    roofline_share: float
    said: list[list[int]]  # what the model itself says after some of the prompts


@dataclass(frozen=True, slots=True)
class Roofline:
    """What the device can do at most."""

    bytes_per_second: float
    flops_per_second: float

    def samples_per_second(self, model: Any, rows: list[Row], slots: int, shared_tokens: int) -> float:
        """Of all slots full at any time, without drafts."""
        config, width = model.config, next(model.parameters()).element_size()
        weights = sum(each.numel() for each in model.parameters()) - model.get_input_embeddings().weight.numel()
        kept = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * width  # of a token
        outputs = [len(row.output) for row in rows]
        seen = sum(n * (len(row.prompt) + n / 2) for n, row in zip(outputs, rows, strict=True)) / sum(outputs)
        read = (weights * width + slots * seen * kept) / self.bytes_per_second
        step = max(read, slots * 2 * weights / self.flops_per_second)
        prompt = statistics.mean(len(row.prompt) - shared_tokens for row in rows) * 2 * weights / self.flops_per_second
        return 1 / (prompt + statistics.mean(outputs) * step / slots)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a toy model and 16 rows")
    parser.add_argument("--device", choices=("cuda", "cpu"), help="default: a GPU if there is one")
    arguments = parser.parse_args()
    device = torch.device(arguments.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if device.type == "cuda" and not torch.cuda.is_available():
        sys.exit("torch sees no GPU; --quick --device cpu shows that the benchmark runs")
    if device.type == "cpu" and not arguments.quick:
        sys.exit("a 7B model on a CPU takes days; add --quick")
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    print(json.dumps({"device": device.type} | measure(QUICK if arguments.quick else FULL, device)))


def measure(size: Size, device: torch.device) -> dict[str, Any]:
    prefix, rows = read_rows(size.vocabulary)
    rows = sample([row for row in rows if len(row.prompt) + len(row.output) <= size.slot_tokens], size.rows)
    model = llama(size, device)
    roofline = roofline_of(device, model.dtype, size)
    print(f"{roofline.bytes_per_second / 1e9:.0f} GB/s, {roofline.flops_per_second / 1e12:.1f} TFLOP/s", flush=True)
    rates = peers(model, rows[: size.peer_rows], size)
    measured: list[Measured] = []
    for way in ways(size, device):
        try:
            measured.append(packed(model, prefix, rows[: _ROUNDS * way.slots], size, way, roofline))
        except UnsupportedModel as error:
            print(f"{way.name}: {error}")
            continue
        told = measured[-1]
        print(f"{way.name:40s} {told.rate:9.3f} samples/s {told.step_ms:8.2f} ms a full step, ", end="")
        print(
            f"{told.roofline_share:.1%} of roofline, {agreement(told, measured[0]):.0%} of greedy tokens as the first"
        )
    return figures(rates, measured, device)


def llama(size: Size, device: torch.device) -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.hidden,
        intermediate_size=size.inner,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        max_position_embeddings=2048,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
    )
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    with device:
        return AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa").eval()


def roofline_of(device: torch.device, dtype: torch.dtype, size: Size) -> Roofline:
    source = torch.ones(size.copied_bytes, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    left, right = torch.randn((2, size.product, size.product), device=device).to(dtype)
    copy = best_of(lambda: target.copy_(source), device)
    product = best_of(lambda: left @ right, device)
    return Roofline(2 * size.copied_bytes / copy, 2 * size.product**3 / product)


def best_of(run: Callable[[], object], device: torch.device, times: int = 10) -> float:
    """Seconds."""
    run()
    return min(timed(run, device) for _ in range(times))


def timed(run: Callable[[], object], device: torch.device) -> float:
    """Seconds."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def peers(model: Any, rows: list[Row], size: Size) -> dict[str, float]:
    """Samples per second."""
    rates: dict[str, float] = {}

    def note(name: str, run: Callable[[], object]) -> None:
        rates[name] = len(rows) / timed(run, model.device)
        print(f"{name:40s} {rates[name]:9.3f} samples/s", flush=True)

    coach = get_peft_model(model, LoraConfig(r=8, target_modules=["q_proj", "v_proj"])).eval()
    note("PEFT generate 32", lambda: plain(coach, rows, static=False))
    model = coach.unload()
    note("generate 32, static cache", lambda: plain(model, rows, static=True))
    on_gpu = model.device.type == "cuda"
    batching = ContinuousBatchingConfig(max_requests_per_batch=max(size.slots), max_memory_percent=0.6)
    if (batched := transformers_cb(model, rows, batching if on_gpu else None)) is not None:
        note("transformers generate_batch", batched)
    return rates


def ways(size: Size, device: torch.device) -> list[Way]:
    made: list[Way] = []
    kinds: tuple[AttentionKind, ...] = ("sdpa", "triton") if device.type == "cuda" else ("sdpa",)
    for slots in size.slots:
        made.append(Way(slots, None, "sdpa", drafts=False))
        for kind in kinds:
            graphs = CudaGraphs() if device.type == "cuda" else Rerun()
            made += [Way(slots, graphs, kind, drafts) for drafts in (False, True)]
    return made


def packed(model: Any, prefix: list[int], rows: list[Row], size: Size, way: Way, roofline: Roofline) -> Measured:
    """A first part of the rows warms up and captures.

    Raises: UnsupportedModel, when the attention does not work here.
    """
    options = EngineOptions(
        size.cache_bytes,
        way.slots,
        size.slot_tokens,
        drafts=way.drafts,
        graphs=way.graphs,
        attention=way.attention,
    )
    engine = Engine(model, (EOS,), options, prefix)
    try:
        said = {
            each.key: each.tokens for each in engine.run(Request(key, rows[key].prompt, _SAID) for key in (0, 1, 2, 3))
        }
        force_output(engine, rows)
        asked = [Request(key, row.prompt, size.slot_tokens) for key, row in enumerate(rows)]
        engine.run(asked[: way.slots * _ROUNDS // 2])
        seconds, ended = note_steps(engine, way.slots), []
        took = timed(lambda: ended.extend(engine.run(asked)), model.device)
    finally:
        engine.close()
    if wrong := [each.key for each in ended if each.tokens != rows[each.key].output]:
        sys.exit(f"the packed engine changed outputs: {wrong}")
    rate, limit = len(ended) / took, roofline.samples_per_second(model, rows, way.slots, len(prefix))
    return Measured(way, rate, 1000 * statistics.median(seconds), rate / limit, [said[key] for key in sorted(said)])


def agreement(one: Measured, other: Measured) -> float:
    """The share of tokens that two say alike up to the first difference; bfloat16 leaves ties that end it."""
    alike = 0
    for ours, theirs in zip(one.said, other.said, strict=True):
        differs = (place for place, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b)
        alike += next(differs, min(len(ours), len(theirs)))
    return alike / sum(len(each) for each in other.said)


def note_steps(engine: Engine, slots: int) -> list[float]:
    """Grows by the seconds of each step in which all slots decode; a step ends when its answers are there."""
    ask, seconds = engine.runner.forward, []

    def watched(step: Step) -> list[list[int | None]]:
        began = time.perf_counter()
        answers = ask(step)
        if len(step.rows) == slots and all(len(row.tokens) == row.wanted for row in step.rows):
            seconds.append(time.perf_counter() - began)
        return answers

    engine.runner.forward = watched
    return seconds


def figures(rates: dict[str, float], measured: list[Measured], device: torch.device) -> dict[str, Any]:
    full = [each for each in measured if each.way.slots == max(each.way.slots for each in measured)]
    eager = next(each for each in full if each.way.graphs is None)
    captured = [each for each in full if each.way.graphs is not None]
    best = max(captured, key=lambda each: each.rate)
    cb = rates.get("transformers generate_batch")
    return {
        "ratio_eager_to_peft": round(eager.rate / rates["PEFT generate 32"], 2),
        "ratio_graphs_to_peft": round(best.rate / rates["PEFT generate 32"], 2),
        "ratio_graphs_to_static_cache": round(best.rate / rates["generate 32, static cache"], 2),
        "ratio_graphs_to_transformers_cb": round(best.rate / cb, 2) if cb else None,
        "best": best.way.name,
        "step_ms": {each.way.name: round(each.step_ms, 2) for each in measured},
        "roofline_share": round(max(each.roofline_share for each in captured if not each.way.drafts), 4),
        "greedy_agreement": round(min(agreement(each, measured[0]) for each in measured), 4),
        "peak_gib": round(torch.cuda.max_memory_allocated() / (1 << 30), 1) if device.type == "cuda" else None,
    }


if __name__ == "__main__":
    main()
