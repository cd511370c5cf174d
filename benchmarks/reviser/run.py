"""The packed engine against plain `generate`, its static cache, transformers' own continuous batching, OpenVINO GenAI
and llama.cpp, on the CPU.

A random-weight Llama in float32 on one thread; the expert revisions are forced upon it token by token, so that output
lengths and copied n-grams are those of real revisions. (OpenVINO's tokens can't be forced; it writes as many of its
own.) Samples per CPU-second, all contenders in one run; engines and models stand ready before each count begins. Those
inside transformers get the first half of the rows, or the run would take an hour. OpenVINO and llama.cpp run where they
are installed (`make openvino`, `make peers`). `--quick` takes
fewer rows, none of the longest tenth, 32 slots alone and a smaller model (2 × 256 instead of 8 × 512): its ratios show
that all runs, the full run's are the ones to quote. `--rows` changes how many.
"""

import argparse
import copy
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoModelForCausalLM, LlamaConfig

from benchmarks.reviser.equality import compare
from benchmarks.reviser.llama_cpp_batches import FORMATS
from benchmarks.reviser.peers import BOS, EOS, PAD, Row, plain, transformers_cb
from benchmarks.reviser.runtimes import Note, note_runtimes
from coachlm.pairs import InstructionPair
from coachlm.prompt import coach_prefix, coach_prompt, render_pair
from reviser.models.int8_linear import Int8Linear, quantise
from reviser.packed.engine import Engine, EngineOptions
from reviser.packed.scheduler import Counts, Step
from reviser.pairs.requests import Request


@dataclass(frozen=True, slots=True)
class Size:
    """How much the run does."""

    rows: int
    vocabulary: int = 8000
    hidden: int = 512
    layers: int = 8
    longest: int = 1024  # rows with longer outputs are left out
    mixed_slots: tuple[int, ...] = (32, 64)
    light_slots: tuple[int, ...] = (32, 8)
    int8_slots: tuple[int, ...] = (32, 8)  # OpenVINO's and llama.cpp's too
    equality_prompts: int = 6  # `benchmarks.reviser_equality` takes 200


FULL = Size(rows=128)
QUICK = Size(
    32,
    2000,
    hidden=256,
    layers=2,
    longest=160,
    mixed_slots=(32,),
    light_slots=(32,),
    int8_slots=(32,),
    equality_prompts=3,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows, smaller model; within 50 s on 2 cores")
    parser.add_argument("--rows", type=int, help="pairs of each kind, instead of 128")
    parser.add_argument("--runtimes", action="store_true", help="only against OpenVINO and llama.cpp")
    parser.add_argument("--plot", type=Path, help="write the figures as a bar chart")
    arguments = parser.parse_args()
    size = QUICK if arguments.quick else FULL
    size = replace(size, rows=arguments.rows or size.rows)
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    prefix, rows = read_rows(size.vocabulary, size.longest)
    model = llama(size)
    rates = measure(model, prefix, rows, size, runtimes_alone=arguments.runtimes)
    share = None if arguments.runtimes else compare(size.equality_prompts).equal_share
    report(rates, share, arguments.plot)


def read_rows(vocabulary: int, longest: float = math.inf) -> tuple[list[int], list[Row]]:
    """The tokens that all prompts share, and expert revisions of at most `longest` tokens, the most changed first."""
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    lines = (Path(folder) / "coachlm/expert_revisions.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    raw = [pair_of(record, "Raw") for record in records]
    revised = [pair_of(record, "Revised") for record in records]
    tokenizer = ByteLevelBPETokenizer()
    texts = [coach_prompt(pair) for pair in raw] + [render_pair(pair) for pair in revised]
    specials = ["<pad>", "<s>", "</s>"]
    tokenizer.train_from_iterator(texts, vocab_size=vocabulary, special_tokens=specials, show_progress=False)
    encoded = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    rows = [
        Row([BOS, *prompt], [*output, EOS], float(record["Distance"] or 0))
        for prompt, output, record in zip(encoded[: len(raw)], encoded[len(raw) :], records, strict=True)
    ]
    prefix = [BOS, *tokenizer.encode(coach_prefix()).ids]
    return prefix, sorted((row for row in rows if len(row.output) <= longest), key=lambda row: -row.distance)


def kinds_of(rows: list[Row]) -> dict[str, list[Row]]:
    """By how much was changed: all, the least changed 30 %, the most changed 30 %; `rows` as `read_rows` gives them."""
    third = len(rows) * 3 // 10
    return {"mixed": rows, "light": rows[-third:], "full": rows[:third]}


def pair_of(record: dict[str, Any], kind: str) -> InstructionPair:
    instruction, extra, response = (record[f"{kind} {field}"] or "" for field in ("Instruction", "Input", "Response"))
    return InstructionPair(instruction, extra, response)


def llama(size: Size) -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.hidden,
        intermediate_size=size.hidden * 43 // 16,
        num_hidden_layers=size.layers,
        num_attention_heads=8,
        num_key_value_heads=4,
        max_position_embeddings=2048,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
    )
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="sdpa").eval()


def sample(rows: list[Row], count: int) -> list[Row]:
    return random.Random(1).sample(rows, min(count, len(rows)))


def measure(
    model: Any, prefix: list[int], rows: list[Row], size: Size, *, runtimes_alone: bool
) -> dict[str, float | None]:
    """Samples per CPU-second by contender and kind of rows."""
    mixed, light, full = (sample(kind, size.rows) for kind in kinds_of(rows).values())
    rates: dict[str, float | None] = {}

    def note(name: str, run: Callable[[], Counts | None], count: int) -> None:
        began = time.process_time()
        counts = run()
        rates[name] = count / (time.process_time() - began)
        print(f"{name:36s} {rates[name]:8.3f} samples per CPU-second  {_told(counts)}", flush=True)

    int8 = copy.deepcopy(model)
    quantise(int8)

    def note_packed(kind: str, some: list[Row], slots: int, numbers: str = "") -> None:
        for drafts in (False, True):
            with opened(int8 if numbers else model, prefix, slots, drafts) as engine:
                name = f"packed {slots}{numbers}{' drafts' if drafts else ''}, {kind}"
                note(name, lambda engine=engine: write(engine, some), len(some))

    for each in (model, int8):
        with opened(each, prefix, 4, drafts=True) as engine:
            write(engine, mixed[:4])  # warms up
    kinds = [("mixed", mixed, size.mixed_slots), ("light", light, size.light_slots), ("full", full, (32,))]
    for kind, some, slot_counts in kinds:
        for slots in (8, 32) if runtimes_alone else slot_counts:
            note_packed(kind, some, slots)
    for kind, some in (("mixed", mixed), ("light", light)):
        for slots in size.int8_slots:
            note_packed(kind, some, slots, " int8")
    note_runtimes(model, {"mixed": mixed, "light": light}, size.int8_slots, note)
    if not runtimes_alone:
        rates |= _note_transformers(model, mixed, note)
    return rates


def _note_transformers(model: Any, mixed: list[Row], note: Note) -> dict[str, None]:
    """What runs inside transformers; what doesn't run here comes back."""
    peers = mixed[: max(len(mixed) // 2, 32)]
    name = "transformers generate_batch, mixed"
    if (batched := transformers_cb(model, peers)) is not None:
        note(name, batched, len(peers))
    note("generate 32, static cache, mixed", lambda: plain(model, peers, static=True), len(peers))
    note("generate 32, mixed", lambda: plain(model, peers, static=False), len(peers))
    return {} if batched else {name: None}


def _told(counts: Counts | None) -> str:
    if counts is None:
        return ""
    per = counts.computed_tokens / counts.emitted_tokens
    drafted = f", {counts.accepted_tokens} of {counts.drafted_tokens} drafted accepted" if counts.drafted_tokens else ""
    return f"{counts.steps} steps, {per:.2f} tokens computed per emitted{drafted}"


def force_output(engine: Engine, rows: list[Row]) -> None:
    """Make each request's output that of the row with its key: real lengths; the model computes all the same."""
    ask = engine.runner.forward

    def forced(step: Step) -> list[list[int | None]]:
        answers = ask(step)
        for row, answer in zip(step.rows, answers, strict=True):
            done = len(row.sequence.output)
            reference = rows[row.sequence.request.key].output[done : done + row.wanted]
            answer[:] = [*reference, *[EOS] * (row.wanted - len(reference))]
        return answers

    engine.runner.forward = forced


@contextmanager
def opened(model: Any, prefix: list[int], slots: int, drafts: bool) -> Iterator[Engine]:
    """With keys and values in int8 where the layers are."""
    cache_dtype = torch.int8 if any(isinstance(each, Int8Linear) for each in model.modules()) else None
    options = EngineOptions(1 << 31, max_slots=slots, slot_tokens=2048, drafts=drafts, cache_dtype=cache_dtype)
    engine = Engine(model, (EOS,), options, prefix)
    try:
        yield engine
    finally:
        engine.close()


def write(engine: Engine, rows: list[Row]) -> Counts:
    force_output(engine, rows)
    ended = engine.run(Request(key, row.prompt, 1024) for key, row in enumerate(rows))
    wrong = [each.key for each in ended if each.tokens != rows[each.key].output[:1024]]
    if wrong or len(ended) != len(rows):
        sys.exit(f"the packed engine lost or changed outputs: {wrong}")
    return engine.counts


def report(rates: dict[str, float | None], share: float | None, plot: Path | None) -> None:
    def ratio(ours: str, theirs: str) -> float | None:
        one, other = rates.get(ours), rates.get(theirs)
        return round(one / other, 2) if one and other else None

    def fastest(kind: str, *names: str) -> str:
        found = [f"{name}, {kind}" for name in names]
        return max(found, key=lambda name: rates.get(name) or 0)

    best = fastest("mixed", "packed 32", "packed 32 drafts")
    int8 = {kind: fastest(kind, "packed 32 int8", "packed 32 int8 drafts") for kind in ("mixed", "light")}
    any_packed = fastest("mixed", "packed 32", "packed 32 drafts", "packed 32 int8", "packed 32 int8 drafts")
    llama_cpp = fastest("mixed", *(f"llama.cpp 32 {numbers}" for numbers in FORMATS))
    figures = {
        "ratio_plain": ratio(best, "generate 32, mixed"),
        "ratio_static_cache": ratio(best, "generate 32, static cache, mixed"),
        "ratio_transformers_cb": ratio(best, "transformers generate_batch, mixed"),
        "ratio_drafts_light_32": ratio("packed 32 drafts, light", "packed 32, light"),
        "ratio_drafts_light_8": ratio("packed 8 drafts, light", "packed 8, light"),
        "ratio_drafts_full_32": ratio("packed 32 drafts, full", "packed 32, full"),
        "ratio_int8_32": ratio("packed 32 int8, mixed", "packed 32, mixed"),
        "ratio_int8_drafts_light_32": ratio("packed 32 int8 drafts, light", "packed 32 int8, light"),
        "greedy_equal_share": share,
        "ratio_openvino_int8": ratio(int8["mixed"], "OpenVINO 32 int8, mixed"),
        "ratio_openvino_int8_light": ratio(int8["light"], "OpenVINO 32 int8, light"),
        "ratio_openvino_float32": ratio(best, "OpenVINO 32 float32, mixed"),
        "ratio_llama_cpp": ratio(any_packed, llama_cpp),
    }
    if plot is not None:
        draw(rates, plot)
    print(json.dumps(figures))


def draw(rates: dict[str, float | None], path: Path) -> None:
    from matplotlib.figure import Figure

    shown = {name: rate for name, rate in rates.items() if rate is not None}
    figure = Figure(figsize=(8, 0.35 * len(shown) + 1), layout="constrained")
    axes = figure.subplots()
    axes.barh(list(shown), list(shown.values()))
    axes.invert_yaxis()
    axes.set_xlabel("samples per CPU-second")
    figure.savefig(path)


if __name__ == "__main__":
    main()
