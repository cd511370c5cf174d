"""Memory of the packed engine: its peak against the stated budget, and whether it grows with the pairs revised.

The budget (`COACHLM_REVISER_CACHE_MIB`) is for keys and values; the peak is all that the process takes beyond the model
and a warmed-up engine, while every slot is filled to its last place. Growth is watched by revising the same tiny texts
over and over through `revise_stream`. `--quick`: a smaller budget and 600 pairs instead of 10,000.
"""

import argparse
import gc
import itertools
import json
import multiprocessing
import resource
from collections.abc import Iterator
from typing import Any

import psutil
import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

from coachlm.pairs import InstructionPair
from coachlm.prompt import coach_prompt
from reviser.models.model_loading import LoadedModel
from reviser.packed.engine import Engine, EngineOptions
from reviser.packed.reviser import PackedOptions, PackedReviser
from reviser.pairs.finish import Finisher
from reviser.pairs.requests import Request

MIB = 1 << 20
SLOT_TOKENS = 2048
FRUIT = ("apples", "oranges", "pears", "figs", "mangos", "dates", "plums", "quinces", "limes", "cherries")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="256 MiB and 600 pairs; within 40 s on 2 cores")
    arguments = parser.parse_args()
    budget_mib, pairs = (256, 600) if arguments.quick else (1024, 10_000)
    figures = _apart(peak_over_budget, budget_mib) | _apart(growth, pairs)
    print(json.dumps(figures))


def _apart(measure: Any, amount: int) -> dict[str, float]:
    """In a process of its own, whose memory nothing else has touched."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (amount,))


def peak_over_budget(budget_mib: int) -> dict[str, float]:
    torch.set_num_threads(1)
    model = tiny(layers=4, head_dim=64, heads=8)
    prompts = [[3 + (place * 7 + slot) % 90 for place in range(SLOT_TOKENS // 2)] for slot in range(512)]
    _fill(model, prompts[:2], 64 * MIB)  # what the runtime takes the first time is not the cache's
    gc.collect()
    before = psutil.Process().memory_info().rss
    slots, cache = _fill(model, prompts, budget_mib * MIB)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    print(f"budget {budget_mib} MiB: {slots} slots, cache {cache / MIB:.0f} MiB, peak {peak / MIB:.0f} MiB", flush=True)
    return {"memory_peak_to_budget": round(peak / (budget_mib * MIB), 4)}


def _fill(model: Any, prompts: list[list[int]], budget: int) -> tuple[int, int]:
    """Every slot to its last place, all at about the same time; how many there were, and the cache's bytes."""
    engine = Engine(model, (), EngineOptions(budget, max_slots=512, slot_tokens=SLOT_TOKENS))  # nothing ends early
    slots, nbytes = engine.scheduler.limits.slots, engine.runner.cache.nbytes
    engine.run(Request(key, prompt, SLOT_TOKENS) for key, prompt in enumerate(prompts[:slots]))
    engine.close()
    return slots, nbytes


def growth(pairs: int) -> dict[str, float]:
    torch.set_num_threads(1)
    raw = [InstructionPair(f"Name a fruit like {one}.", "", f"A fruit is {two}.") for one in FRUIT for two in FRUIT]
    trained = ByteLevelBPETokenizer()
    texts = [coach_prompt(pair) for pair in raw]
    trained.train_from_iterator(texts, vocab_size=500, special_tokens=["<pad>", "<s>", "</s>"], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )
    model = tiny(layers=1, head_dim=8, heads=2, vocabulary=len(tokenizer))
    loaded = LoadedModel(model, tokenizer, context_tokens=512, eos_ids=(2,))
    reviser = PackedReviser(loaded, Finisher("packed"), PackedOptions(16 * MIB, max_slots=64, max_new_tokens=32))
    rss: list[int] = []
    for done, _ in enumerate(reviser.revise_stream(_repeated(raw, pairs)), start=1):
        if done % (pairs // 10) == 0:
            gc.collect()
            rss.append(psutil.Process().memory_info().rss)
    reviser.close()
    print("MiB after each tenth:", ", ".join(f"{each / MIB:.1f}" for each in rss), flush=True)
    return {"memory_pairs": pairs, "memory_growth_mib": round((rss[-1] - rss[0]) / MIB, 2)}


def _repeated(raw: list[InstructionPair], count: int) -> Iterator[InstructionPair]:
    return itertools.islice(itertools.cycle(raw), count)


def tiny(layers: int, head_dim: int, heads: int, vocabulary: int = 97) -> Any:
    """Much cache for little computing."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        head_dim=head_dim,
        max_position_embeddings=SLOT_TOKENS,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        initializer_range=0.3,
    )
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


if __name__ == "__main__":
    main()
