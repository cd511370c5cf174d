"""What numbers in int8 cost in precision: layers, then keys and values too, against the same model in float32.

Expert revisions are read token by token as the packed engine would write them, behind their coach prompts. With
`--base FOLDER` (a language model, such as `python -m recipes.small_base` makes) by that model, and what counts is
nats a token of the experts' text and how often the likeliest token is another; without it by the random-weight model of
`benchmarks.reviser`, whose logits lie close together, which is harsher than any trained one. `--quick`: fewer, shorter
rows, a smaller random model.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.reviser.peers import Row
from benchmarks.reviser.run import FULL, QUICK, llama, pair_of, read_rows, sample
from coachlm.prompt import coach_prompt, render_pair
from reviser.models.int8_linear import quantise
from reviser.packed.model_runner import ModelRunner
from reviser.packed.scheduler import Limits
from reviser.packed.slots.attention import Span
from reviser.packed.slots.kernel_attention import MOST_TOKENS


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model says about all tokens of all outputs, one after another: S of them."""

    logits: torch.Tensor  # (S, V)
    wanted: torch.Tensor  # (S,) int64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rows; a minute")
    parser.add_argument("--base", type=Path, help="a folder of a causal language model")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    size = QUICK if options.quick else FULL
    longest = 256 if options.quick else 512
    if options.base:
        rows = list(_rows_for(options.base))
    else:
        rows = read_rows(size.vocabulary)[1]
    rows = sample([row for row in rows if len(row.prompt) + len(row.output) <= longest], 12 if options.quick else 48)

    def model() -> Any:
        if options.base:
            return AutoModelForCausalLM.from_pretrained(options.base, dtype=torch.float32).eval()
        return llama(size)

    figures: dict[str, float] = {}
    exact = answers(model(), rows, longest, None)
    if options.base:
        figures["nll_float32"] = _nll(exact)
    for name, layers, cache in (
        ("int8_layers", True, None),
        ("int8_cache", False, torch.int8),
        ("half_cache", False, torch.float16),
        ("int8", True, torch.int8),
    ):
        each = model()
        if layers:
            quantise(each)
        found = answers(each, rows, longest, cache)
        figures[f"top1_{name}"] = float((found.logits.argmax(-1) == exact.logits.argmax(-1)).float().mean())
        apart = (found.logits - exact.logits).norm(dim=-1) / exact.logits.norm(dim=-1)
        figures[f"error_{name}"] = float(apart.mean())
        if options.base:
            figures[f"nll_{name}"] = _nll(found)
    figures = {name: round(value, 5) for name, value in figures.items()}
    for name, value in figures.items():
        print(f"{name:<24} {value}")
    print(json.dumps({"tokens": len(exact.wanted), **figures}))


def answers(model: Any, rows: list[Row], longest: int, cache: torch.dtype | None) -> Answers:
    runner = ModelRunner(model, Limits(1, longest), [], cache_dtype=cache)
    logits, wanted = [], []
    for row in rows:
        tokens = [*row.prompt, *row.output]
        runner._logits([Span(0, 0, row.prompt[:-1], 0)])
        for first in range(len(row.prompt) - 1, len(tokens) - 1, MOST_TOKENS):
            part = tokens[first : min(first + MOST_TOKENS, len(tokens) - 1)]
            logits.append(runner._logits([Span(0, first, part, len(part))]))
        wanted += row.output
    runner.close()
    return Answers(torch.cat(logits), torch.tensor(wanted))


def _nll(found: Answers) -> float:
    return float(torch.nn.functional.cross_entropy(found.logits, found.wanted))


def _rows_for(base: Path) -> Iterator[Row]:
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    tokenizer = AutoTokenizer.from_pretrained(base)
    lines = (Path(folder) / "coachlm/expert_revisions.jsonl").read_text(encoding="utf-8").splitlines()
    for record in map(json.loads, lines):
        raw, revised = pair_of(record, "Raw"), pair_of(record, "Revised")
        prompt = tokenizer(coach_prompt(raw))["input_ids"]
        output = tokenizer(render_pair(revised), add_special_tokens=False)["input_ids"]
        yield Row(prompt, output, 0.0)


if __name__ == "__main__":
    main()
