"""The raw side: what SmolLM2-135M-Instruct answers to requests written for this project.

`python -m recipes.expert_revisions.raw_side MODEL ASKED RAW`: `MODEL` is the folder that `coachlm convert` made of the
GGUF. Each line of `ASKED` is a request (`id`, `instruction`, and where there are any `input`, `system`, `earlier`).
Each line of `RAW` is the same with `response` and `ended`. A run that was interrupted goes on. Answers are drawn, so
that they vary as a deployed model's do; which one a request gets depends on its id alone.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from reviser.models.model_loading import LoadedModel, load_model
from reviser.models.sampling import Sampling
from reviser.packed.engine import Engine, EngineOptions
from reviser.pairs.requests import Request

SAMPLING = Sampling(temperature=0.5, top_p=0.9, seed=7)
MOST_TOKENS = 420
"""Of an answer; one that has not ended by then is marked `ended: false` and is no part of the set."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="folder of the converted model")
    parser.add_argument("asked", type=Path)
    parser.add_argument("raw", type=Path)
    arguments = parser.parse_args()
    torch.set_grad_enabled(False)
    loaded = load_model(arguments.model, int8=True)
    done = {row["id"] for row in _rows(arguments.raw)} if arguments.raw.exists() else set()
    asked = [row for row in _rows(arguments.asked) if row["id"] not in done]
    with arguments.raw.open("a", encoding="utf-8") as target:
        for row in answers(loaded, asked):
            target.write(json.dumps(row, ensure_ascii=False) + "\n")
            target.flush()
    print(f"{len(asked)} answered, {len(done)} were before")


def answers(loaded: LoadedModel, asked: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """In the order in which they end."""
    options = EngineOptions(cache_bytes=3 << 30, max_slots=32, cache_dtype=torch.int8, sampling=SAMPLING)
    engine = Engine(loaded.model, loaded.eos_ids, options)
    requests = [
        Request(place, _prompt(loaded, row), MOST_TOKENS, None, SAMPLING.noise(row["id"]))
        for place, row in enumerate(asked)
    ]
    for completion in engine.stream(requests):
        ended = bool(completion.tokens) and completion.tokens[-1] in loaded.eos_ids
        text = loaded.decode(list(completion.tokens)).strip()
        yield {**asked[completion.key], "response": text, "ended": ended}
    engine.close()


def _prompt(loaded: LoadedModel, row: dict[str, Any]) -> list[int]:
    request = row["instruction"] + (f"\n\n{row['input']}" if row.get("input") else "")
    messages = [
        {"role": "system", "content": row.get("system") or "You are a helpful assistant."},
        *(row.get("earlier") or ()),
        {"role": "user", "content": request},
    ]
    return loaded.encode(loaded.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
