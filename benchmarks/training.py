"""Coach tuning measured: batches of similar length against random ones, and what tuning does to held-out text.

A random-weight Llama in float32, tuned by this project's own loop on the shared expert revisions. Speed: real tokens
(prompts and targets, no padding) per second of forward, backward and step, the same model, data and batch of 32 pairs
in both arms, alternating within one run; each batch goes through the model as one, so that padding is the only
difference. `ratio_to_trl` needs `trl` to be installed. `nll_…` are nats per token of the experts' text on pairs that
were not trained on: a base without pretrained weights only has its loss to show, so give one with `--base` for figures
that mean something; without it, and with `--quick`, they are null.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

from coachlm.prompt import coach_prompt, render_pair
from trainer.plan.recipe import Recipe
from trainer.plan.revisions import ExpertRevision, Source, read_revisions
from trainer.plan.run_folder import RunFolder, StepMetrics
from trainer.run import train_coach
from trainer.tuning.base_model import load_base
from trainer.tuning.batches import plan_epoch
from trainer.tuning.examples import Encoder, Example
from trainer.tuning.tuning import tune

HELD_OUT = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="192 pairs, once; within 50 s on 2 cores")
    parser.add_argument("--base", help="a pretrained model folder or hub id for the held-out figures")
    arguments = parser.parse_args()
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    path = Path(folder) / "coachlm/expert_revisions.jsonl"
    figures: dict[str, float | None] = {}
    with tempfile.TemporaryDirectory() as scratch:
        figures |= speed(path, Path(scratch), quick=arguments.quick)
        figures |= likelihood(path, Path(scratch), None if arguments.quick else arguments.base)
    print(json.dumps(figures))


def speed(path: Path, scratch: Path, *, quick: bool) -> dict[str, float | None]:
    torch.set_num_threads(1)
    revisions = list(read_revisions(path, None, Counter()))
    base = load_base(str(save_llama(scratch / "llama", revisions, quick=quick)))
    encoder = Encoder(base.tokenizer, base.eos_ids, base.context_tokens)
    examples = encoder.examples(random.Random(0).sample(revisions, 192 if quick else 768), Counter())
    everything = encoder.examples(revisions, Counter())
    shares = {grouped: real_share(everything, grouped) for grouped in (True, False)}
    print(f"real tokens in batches of 32, all {len(everything)} pairs: grouped {shares[True]:.3f}, ", end="")
    print(f"random {shares[False]:.3f}")

    recipe = Recipe(epochs=1, rank=8, micro_batch_tokens=10**9)
    totals: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for repeat in range(1 if quick else 2):
        for grouped in (True, False):
            steps: list[StepMetrics] = []
            run = RunFolder(scratch / f"{repeat}-{grouped}")
            run.folder.mkdir()
            began = time.process_time()
            tune(fresh(base), examples, replace(recipe, grouped=grouped, seed=repeat), run, "", on_step=steps.append)
            tokens = sum(step.tokens for step in steps)
            totals[grouped].update(tokens=tokens, milliseconds=round(1000 * (time.process_time() - began)))
    rates = {grouped: 1000 * total["tokens"] / total["milliseconds"] for grouped, total in totals.items()}
    print(f"tokens per CPU-second: grouped {rates[True]:,.0f}, random {rates[False]:,.0f}", flush=True)
    trl = trl_rate(base, examples, scratch / "trl")
    if trl is not None:
        print(f"TRL's SFTTrainer, its defaults (no bfloat16): {trl:,.0f} tokens per CPU-second")
    return {
        "ratio_length_grouped": rates[True] / rates[False],
        "ratio_to_trl": None if trl is None else rates[True] / trl,
        "real_share_grouped": shares[True],
        "real_share_random": shares[False],
    }


def trl_rate(base: Any, examples: list[Example], folder: Path) -> float | None:
    """Real tokens per CPU-second of TRL's default loop over the same examples with the same LoRA; None without trl."""
    try:
        from peft import LoraConfig
        from trl.trainer.sft_config import SFTConfig
        from trl.trainer.sft_trainer import SFTTrainer
    except ImportError:
        print("ratio_to_trl: null; trl isn't installed")
        return None
    rows = [
        {
            "input_ids": [*example.prompt, *example.target],
            "completion_mask": [0] * len(example.prompt) + [1] * len(example.target),
        }
        for example in examples
    ]
    arguments = SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=32,
        num_train_epochs=1,
        bf16=False,
        max_length=None,
        completion_only_loss=True,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    lora: Any = LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=32, target_modules="all-linear")
    trainer = SFTTrainer(
        model=fresh(base).model,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        peft_config=lora,
        processing_class=base.tokenizer,
    )
    began = time.process_time()
    trainer.train()
    return sum(map(len, examples)) / (time.process_time() - began)


def fresh(base: Any) -> Any:
    """The base without the LoRA layers of the run before: PEFT puts them into the model itself."""
    return replace(base, model=AutoModelForCausalLM.from_pretrained(base.name, dtype=torch.float32))


def real_share(examples: list[Example], grouped: bool) -> float:
    lengths = [len(example) for example in examples]
    plan = plan_epoch(lengths, 32, seed=0, epoch=1, grouped=grouped)
    return sum(lengths) / sum(len(batch) * max(lengths[index] for index in batch) for batch in plan)


def likelihood(path: Path, scratch: Path, base: str | None) -> dict[str, float | None]:
    """Before and after tuning for α = 0.3 and 1.0, on pairs that neither was trained on."""
    if base is None:
        print("nll_before, nll_after: null; give --base MODEL (a pretrained one) without --quick")
        return {"nll_before": None, "nll_after": None, "nll_after_alpha_1": None}
    revisions = list(read_revisions(path, None, Counter()))
    random.Random(0).shuffle(revisions)
    held_out, training = revisions[:HELD_OUT], revisions[HELD_OUT:]
    found: dict[float, Any] = {}
    for alpha in (0.3, 1.0):
        folder = scratch / f"alpha-{alpha}"
        record = train_coach(base, listed(training), folder, alpha=alpha, held_out=listed(held_out))
        found[alpha] = record.metrics
        print(f"alpha {alpha}: {record.metrics}", flush=True)
    return {
        "nll_before": found[0.3]["nll_before"],
        "nll_after": found[0.3]["nll_after"],
        "nll_after_alpha_1": found[1.0]["nll_after"],
    }


def listed(items: list[ExpertRevision]) -> Source:
    return Source("a part of the shared expert revisions", lambda _: items)


def save_llama(folder: Path, revisions: list[ExpertRevision], *, quick: bool) -> Path:
    vocabulary, hidden, layers, heads = (1000, 64, 1, 1) if quick else (8000, 256, 4, 4)
    bpe = ByteLevelBPETokenizer()
    texts = [text for item in revisions for text in (coach_prompt(item.raw), render_pair(item.revised))]
    specials = ["<pad>", "<s>", "</s>"]
    bpe.train_from_iterator(texts, vocab_size=vocabulary, special_tokens=specials, show_progress=False)
    PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=hidden * 3,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=4096,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.save_pretrained(folder)
    return folder


if __name__ == "__main__":
    main()
