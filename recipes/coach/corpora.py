"""The clean text that the bundled coach learns from, split by document into training, tuning and test parts.

Sources and licences: databricks-dolly-15k (CC BY-SA 3.0), GSM8K (MIT), answers of Apache-2.0 models from AlpacaEval
(Apache-2.0). Records that share a passage, a question or an instruction are one document and fall into one part.
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import xxhash

from coachlm.pairs import InstructionPair
from reviser.coach.words import Kind, split_words
from reviser.rules.repairs import Prose, is_english, looks_like_code, mend_encoding
from reviser.rules.spelling import Speller

# Models whose weights and so whose answers come under Apache-2.0.
GENERATORS = frozenset(
    {
        "Mistral-7B-Instruct-v0.2",
        "Mistral-7B-Instruct-v0.3",
        "Mixtral-8x22B-Instruct-v0.1",
        "Mixtral-8x7B-Instruct-v0.1",
        "Mixtral-8x7B-Instruct-v0.1_concise",
        "OpenHermes-2.5-Mistral-7B",
    }
)
VOCABULARY = 16_000
_MIN_COUNT = 4
_CALCULATION = re.compile(r"<<[^<>]*>>")


class Part(StrEnum):
    """What a document may be used for."""

    TRAIN = "train"
    TUNE = "tune"  # thresholds
    TEST = "test"  # figures


@dataclass(frozen=True, slots=True)
class Record:
    """A pair of clean text and where it comes from."""

    source: str
    pair: InstructionPair
    part: Part


def records(folder: Path) -> Iterator[Record]:
    """Every record of the sources under `folder` (docs/reference/public-data.md), in their order."""
    corpora = folder / "corpora"
    for row in _rows(corpora / "dolly_15k.jsonl.gz"):
        pair = InstructionPair(row["instruction"], row["context"], row["response"])
        yield Record("dolly", pair, part_of(row["context"] or row["instruction"]))
    for row in _rows(corpora / "gsm8k_train.jsonl.gz"):
        answer = _CALCULATION.sub("", row["answer"]).split("\n####")[0]
        yield Record("gsm8k", InstructionPair(row["question"], "", answer), part_of(row["question"]))
    for row in _rows(corpora / "alpaca_eval_answers.jsonl.gz"):
        if row["generator"] in GENERATORS:
            pair = InstructionPair(row["instruction"], "", row["output"])
            yield Record("alpaca_eval", pair, part_of(row["instruction"]))


def part_of(document: str) -> Part:
    """By the text's hash: 8 in 10 for training, one each for tuning and testing."""
    slot = _digest(" ".join(document.split()).lower()) % 10
    return Part.TEST if slot == 0 else Part.TUNE if slot == 1 else Part.TRAIN


def _digest(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def prose_texts(found: Iterable[Record], speller: Speller) -> Iterator[str]:
    """The English prose of each field, what is not prose replaced by marks; each text once."""
    seen: set[int] = set()
    for record in found:
        for text in (record.pair.instruction, record.pair.input, record.pair.response):
            key = _digest(text)
            if not text.strip() or key in seen or looks_like_code(text):
                continue
            seen.add(key)
            prose = Prose.of(mend_encoding(text, unescape=True)).text
            if is_english(prose, speller):
                yield prose


def vocabulary(texts: Iterable[str], misspelled: frozenset[str], speller: Speller) -> list[tuple[str, int]]:
    """The commonest words and signs with their counts in a corpus of 10¹² words; no known misspelling."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(
            token.text.lower()
            for token in split_words(text).tokens
            if not token.frozen
            and (token.kind in (Kind.WORD, Kind.STOP) or (len(token.text) == 1 and token.text != "\n"))
        )
    total = counts.total()
    chosen = [
        (word, int(count * 1e12 / total))
        for word, count in counts.most_common(VOCABULARY * 2)
        if count >= _MIN_COUNT
        and word.isprintable()
        and not word.isdigit()
        and (word not in misspelled or speller.count(word) > 10_000_000)
    ]
    return chosen[:VOCABULARY]


def misspellings(folder: Path) -> dict[str, str]:
    """Misspelling → the word meant, where there is but one. Source: codespell's dictionary (CC BY-SA 3.0)."""
    lines = (folder / "corpora/codespell_dictionary.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("->") for line in lines)
    return {wrong.lower(): right.lower() for wrong, _, right in pairs if right.isascii() and right.isalpha()}
