"""A tiny coach of random weights in the bundled one's form, and post-edits by people with a habit that tags can say."""

import random
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file

from coachlm.pairs import InstructionPair
from reviser.coach.lexicon import TYPES, WORDS_AT

HABIT = "a comma before the `and` of a list"
_THINGS = (
    "apples",
    "pears",
    "plums",
    "bread",
    "cheese",
    "tea",
    "coffee",
    "lamps",
    "maps",
    "boats",
    "kites",
    "violins",
    "gardens",
    "rivers",
    "clocks",
    "stones",
    "baskets",
    "barrels",
    "horses",
    "birds",
)
_STARTS = ("The market sells", "We bought", "She likes", "They carried", "He painted", "The museum shows")
_ENDS = ("in the morning", "on Monday", "near the river", "for the feast", "every summer", "after the rain")
_PLAIN = (
    "The first one stands next to the door.",
    "It was a warm day and nobody was in a hurry.",
    "People come here for the quiet streets.",
    "There is a mill behind the old school.",
)


def habitual_edits(count: int, seed: int = 0) -> list[tuple[InstructionPair, InstructionPair]]:
    """(raw, final) pairs of people whose only habit is HABIT; now and then it was kept already."""
    rng, made = random.Random(seed), []
    for number in range(count):
        sentences = [_PLAIN[number % len(_PLAIN)]]
        for start in rng.sample(_STARTS, rng.randint(1, 3)):
            one, two, three = rng.sample(_THINGS, 3)
            comma = "," if rng.random() < 0.2 else ""
            sentences.append(f"{start} {one}, {two}{comma} and {three} {rng.choice(_ENDS)}.")
        rng.shuffle(sentences)
        raw = " ".join(sentences)
        final = " ".join(sentence if sentence in _PLAIN else _kept(sentence) for sentence in sentences)
        instruction = f"Say what happened in the year {1000 + 7 * number + seed}, in plain words."
        made.append((InstructionPair(instruction, "", raw), InstructionPair(instruction, "", final)))
    return made


def _kept(sentence: str) -> str:
    return sentence.replace(", and", " and").replace(" and", ", and")


def save_tiny_coach(folder: Path, *, seed: int = 0, hidden: int = 32) -> Path:
    """It mends nothing by itself: it is never sure of anything."""
    from transformers import BertConfig, BertForMaskedLM

    from recipes.coach.make import write_manifest
    from reviser.coach.choosing import Limits

    words = sorted({word.lower().strip(".,") for pair in habitual_edits(60) for word in pair[0].response.split()})
    words += [",", "."]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "words.txt").write_text("".join(f"{word}\t1000000\n" for word in words), encoding="utf-8")
    config = BertConfig(
        vocab_size=WORDS_AT + len(words),
        hidden_size=hidden,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=2 * hidden,
        max_position_embeddings=128,
        type_vocab_size=TYPES,
        pad_token_id=0,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = BertForMaskedLM(config)
        torch.nn.init.normal_(model.bert.embeddings.word_embeddings.weight, std=0.4)  # rows that layers can tell apart
    state = {name: value for name, value in model.state_dict().items() if ".decoder." not in name}
    save_file({name: value for name, value in state.items() if value.is_floating_point()}, folder / "model.safetensors")
    config.to_json_file(folder / "config.json")
    write_manifest(folder, Limits({}, {}))
    return folder


def left_to_edit(revised: Sequence[InstructionPair], pairs: Sequence[tuple[InstructionPair, InstructionPair]]) -> int:
    from coachlm.text.distance import pair_distances

    return sum(pair_distances(list(revised), [final for _, final in pairs]))
