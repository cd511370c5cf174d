"""A tiny random Llama with its own tokeniser, and expert revisions written for these tests."""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

from coachlm.pairs import InstructionPair
from coachlm.prompt import coach_prompt, render_pair
from trainer.plan.revisions import ExpertRevision

_TOPICS = ("bread", "maps", "bridges", "violins", "gardens", "kites", "lamps", "rivers", "clocks", "boats")


def expert_revisions(count: int) -> list[ExpertRevision]:
    """Answers of one sentence that an expert extended, each by another length."""
    found = []
    for number in range(count):
        topic = f"{_TOPICS[number % len(_TOPICS)]} number {number}"
        raw = InstructionPair(f"tell about {topic}", "", f"{topic} is good.")
        more = " ".join(f"Point {place}: look at it twice." for place in range(1, 2 + number % 7))
        found.append(ExpertRevision(raw, InstructionPair(f"Tell me about {topic}.", "", f"{topic} is good. {more}")))
    return found


def as_record(item: ExpertRevision) -> dict[str, Any]:
    """In the paper's published form."""
    sides = {"Raw": item.raw, "Revised": item.revised}
    return {
        f"{side} {name}": text
        for side, pair in sides.items()
        for name, text in (("Instruction", pair.instruction), ("Input", pair.input), ("Response", pair.response))
    }


def write_revisions(path: Path, items: list[ExpertRevision]) -> Path:
    path.write_text("".join(json.dumps(as_record(item)) + "\n" for item in items), encoding="utf-8")
    return path


def save_tiny_llama(folder: Path, *, context_tokens: int = 512, hidden: int = 32, seed: int = 0) -> Path:
    items = expert_revisions(40)
    texts = [coach_prompt(item.raw) + render_pair(item.revised) for item in items]
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, vocab_size=400, special_tokens=["<pad>", "<s>", "</s>"], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context_tokens,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.save_pretrained(folder)
    return folder
