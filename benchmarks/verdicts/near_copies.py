"""Near copies: wrong merges among look-alikes made of real pairs, and recall on copies made of them.

Look-alikes ask another thing of the same material, or of another thing in the same words, and have the same answer:
whatever of them is merged is merged wrongly. Copies are what logs hold: other case, punctuation and layout, a typo, a
polite word more, a few words of a long answer changed.
"""

import gzip
import json
import os
import random
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from benchmarks.verdicts.row import Row
from coachlm.pairs import InstructionPair
from coachlm.settings import Settings
from coachlm.text.duplicates import NearDuplicateHasher, pair_text, similarity

_LONG_ANSWER = 40  # words
_SETS = (
    ("alpaca", "alpaca/alpaca_52k.jsonl.gz", ("instruction", "input", "output")),
    ("dolly", "corpora/dolly_15k.jsonl.gz", ("instruction", "context", "response")),
    ("t0", "corpora/t0_27k.jsonl.gz", ("prompt", "", "completion")),
)
Pairs = list[InstructionPair]


def rows(quick: bool) -> list[Row]:
    found: list[Row] = []
    for name, path, keys in _SETS:
        pairs = _read(path, keys, 1_000 if quick else 10_000)
        others = _look_alikes(pairs, random.Random(2))
        merged = sum(map(_is_merged, *zip(*others, strict=True)))
        found.append(Row("wrong_merges", f"look-alikes: {name}", merged, len(others)))
        copies = _copies(pairs, random.Random(1))
        merged = sum(map(_is_merged, *zip(*copies, strict=True)))
        found.append(Row("near_copy", f"copies: {name}", merged, merged, len(copies)))
    return found


def _read(path: str, keys: tuple[str, str, str], count: int) -> Pairs:
    with gzip.open(Path(os.environ["COACHLM_DATA_DIR"]) / path, "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in islice(file, count)]
    texts = [[record.get(key) or "" for key in keys] for record in records]
    pairs = [InstructionPair(instruction, material, answer) for instruction, material, answer in texts]
    return [pair for pair in pairs if len(pair.instruction.split()) >= 4 and pair.response.strip()]


def _is_merged(first: InstructionPair, second: InstructionPair) -> bool:
    """Whether intake would link them: they share a key, and are alike."""
    ours, theirs = NearDuplicateHasher().band_keys([pair_text(first), pair_text(second)])
    threshold = Settings.model_construct().intake.near_duplicate_similarity
    return bool(set(ours) & set(theirs)) and similarity(pair_text(first), pair_text(second)) >= threshold


def _look_alikes(pairs: Pairs, chooser: random.Random) -> list[tuple[InstructionPair, InstructionPair]]:
    """Each pair, and its answer under another request: a word replaced by another pair's, two words swapped, a
    denial put in; or under another request for the same material."""
    nouns = [word for pair in pairs for word in pair.instruction.split() if word.isalpha() and len(word) > 4]
    found = []
    for pair in pairs:
        words = pair.instruction.split()
        places = [place for place, word in enumerate(words) if word.isalpha() and len(word) > 3]
        if len(places) < 2:
            continue
        one, two = chooser.sample(places, 2)
        kind = chooser.randrange(4)
        changed = list(words)
        if kind == 0 or words[one].lower() == words[two].lower():
            changed[one] = chooser.choice([noun for noun in chooser.sample(nouns, 5) if noun != words[one]])
        elif kind == 1:
            changed[one], changed[two] = words[two], words[one]
        elif kind == 2:
            changed.insert(one, "not")
        elif pair.input:
            changed = chooser.choice(pairs).instruction.split()
        else:
            changed[one] = f"{words[one]}{chooser.randint(2, 99)}"
        if changed != words:
            found.append((pair, InstructionPair(" ".join(changed), pair.input, pair.response)))
    return found


def _copies(pairs: Pairs, chooser: random.Random) -> list[tuple[InstructionPair, InstructionPair]]:
    vocabulary = [word for pair in pairs[:500] for word in pair.response.split() if word.isalpha()]
    changes: Sequence[Callable[[InstructionPair], InstructionPair]] = (
        lambda pair: InstructionPair(pair.instruction.rstrip(".?! "), pair.input, pair.response),
        lambda pair: InstructionPair(f"Please {pair.instruction}", pair.input, pair.response),
        lambda pair: InstructionPair(f"{pair.instruction}\n\n{pair.input}".strip(), "", pair.response),
        lambda pair: InstructionPair(_with_typo(pair.instruction, chooser), pair.input, pair.response),
        lambda pair: InstructionPair(pair.instruction.replace(" ", "  "), pair.input, f"{pair.response}\n"),
        lambda pair: InstructionPair(pair.instruction, pair.input, _edited(pair.response, vocabulary, chooser)),
    )
    return [(pair, chooser.choice(changes)(pair)) for pair in pairs]


def _with_typo(text: str, chooser: random.Random) -> str:
    """Two letters of a long word swapped."""
    words = text.split(" ")
    long = [place for place, word in enumerate(words) if len(word) > 7 and word.isalpha() and word.isascii()]
    if not long:
        return text
    place = chooser.choice(long)
    at = chooser.randrange(1, len(words[place]) - 3)
    word = words[place]
    words[place] = f"{word[:at]}{word[at + 1]}{word[at]}{word[at + 2 :]}"
    return " ".join(words)


def _edited(text: str, vocabulary: list[str], chooser: random.Random) -> str:
    """A word in fifty of a long answer replaced, at most three."""
    words = text.split(" ")
    if len(words) < _LONG_ANSWER:
        return text
    for _ in range(chooser.randint(1, min(3, max(1, len(words) // 50)))):
        words[chooser.randrange(len(words))] = chooser.choice(vocabulary)
    return " ".join(words)
