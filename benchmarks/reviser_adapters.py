"""What adapters cost the packed engine: merging one, switching between two, and a canary beside the current one.

A random Llama (8 × 512) with LoRA of rank 16 on all linear layers; light expert revisions are forced upon it, so that
lengths are real. With a canary a step runs the model once for each adapter that has rows. `--quick` takes a model of
2 × 256 and fewer rows.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import peft
import torch

from benchmarks.reviser.peers import EOS, Row
from benchmarks.reviser.run import FULL, QUICK, Size, force_output, kinds_of, llama, read_rows, sample
from reviser.models.adapter import Adapter, read_adapter
from reviser.models.adapter_weights import AdapterWeights
from reviser.models.model_loading import LoadedModel
from reviser.packed.engine import Engine, EngineOptions
from reviser.pairs.requests import Request

_SWITCHES = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller model, 24 rows; within 40 s on 2 cores")
    arguments = parser.parse_args()
    size = replace(QUICK, rows=24) if arguments.quick else replace(FULL, rows=96)
    torch.set_num_threads(1)
    prefix, rows = read_rows(size.vocabulary)
    chosen = sample(kinds_of(rows)["light"], size.rows)
    print(json.dumps(measure(size, prefix, chosen)))


def measure(size: Size, prefix: list[int], rows: list[Row]) -> dict[str, float]:
    model = llama(size)
    weights = AdapterWeights(LoadedModel(model, None, 2048, (EOS,)))
    with tempfile.TemporaryDirectory() as folder:
        current, canary = (_adapter(size, Path(folder) / str(seed), seed) for seed in (1, 2))
        began = time.process_time()
        weights.add(current)
        weights.add(canary)
        merge_seconds = (time.process_time() - began) / 2
    began = time.process_time()
    for place in range(_SWITCHES):
        weights.switch((current if place % 2 else canary).digest)
    switch_seconds = (time.process_time() - began) / _SWITCHES
    names = (current.digest, canary.digest)
    _seconds(model, weights, prefix, rows[:4], [*names, *names])  # warms up
    alone = _seconds(model, weights, prefix, rows, names[:1])
    figures = {"adapter_merge_seconds": merge_seconds, "adapter_switch_seconds": switch_seconds}
    for share in (10, 50):
        mixed = [names[place % 100 < share] for place in range(0, len(rows) * 37, 37)]
        figures[f"ratio_canary_{share}"] = alone / _seconds(model, weights, prefix, rows, mixed)
    return {name: round(figure, 5) for name, figure in figures.items()}


def _adapter(size: Size, folder: Path, seed: int) -> Adapter:
    torch.manual_seed(seed)
    config = peft.LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", init_lora_weights=False)
    peft.get_peft_model(llama(size), config).save_pretrained(str(folder))
    return read_adapter(folder)


def _seconds(model: Any, weights: AdapterWeights, prefix: list[int], rows: list[Row], adapters: Any) -> float:
    """CPU seconds for all rows in 32 slots, row by row with one of the adapters."""
    options = EngineOptions(cache_bytes=1 << 31, max_slots=32, slot_tokens=2048, drafts=False, adapters=2)
    engine = Engine(model, (EOS,), options, prefix, weights.switch)
    for digest in set(adapters):
        engine.hold(digest)
    force_output(engine, rows)
    began = time.process_time()
    engine.run(Request(key, row.prompt, 1024, adapters[key % len(adapters)]) for key, row in enumerate(rows))
    seconds = time.process_time() - began
    engine.close()
    return seconds


if __name__ == "__main__":
    main()
