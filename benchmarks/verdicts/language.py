"""Languages: short texts and sentences written for it in 28 languages, and English records of three sets."""

import gzip
import json
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from benchmarks.verdicts.row import Row
from coachlm.pairs import InstructionPair
from coachlm.text.language import detect_language, pair_language

_HERE = Path(__file__).parent
_ENGLISH = (
    ("alpaca", "alpaca/alpaca_52k.jsonl.gz", ("instruction", "input", "output")),
    ("dolly", "corpora/dolly_15k.jsonl.gz", ("instruction", "context", "response")),
    ("t0", "corpora/t0_27k.jsonl.gz", ("prompt", "", "completion")),
)

Verdict = Callable[[str], str | None]


def rows(quick: bool) -> list[Row]:
    texts = list(short_texts())
    samples = json.loads((_HERE.parent / "filters" / "language_samples.json").read_text(encoding="utf-8"))
    prose = [(code, text) for code, written in samples.items() for text in written]
    found = [_row("short texts", texts), _row("sentences", prose)]
    found += [_english(name, path, keys, 2_000 if quick else 20_000) for name, path, keys in _ENGLISH]
    return found


def short_texts() -> Iterator[tuple[str, str]]:
    """(code, text): a section for each language."""
    code = ""
    for line in (_HERE / "short_texts.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            code = line.strip("[]")
        elif line and not line.startswith("#"):
            yield code, line


def _row(source: str, texts: Sequence[tuple[str, str]]) -> Row:
    told = [(code, detect_language(text)) for code, text in texts]
    right = sum(code == verdict for code, verdict in told)
    return Row("language", source, right, sum(verdict is not None for _, verdict in told), len(told))


def _english(name: str, path: str, keys: tuple[str, str, str], count: int) -> Row:
    """Whether English records are told as English: each with its input and answer, as intake sees it."""
    with gzip.open(Path(os.environ["COACHLM_DATA_DIR"]) / path, "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in islice(file, count)]
    pairs = [_pair(record, keys) for record in records]
    told = [pair_language(pair) for pair in pairs]
    return Row("language", f"English: {name}", told.count("en"), sum(map(bool, told)), len(told))


def _pair(record: dict[str, str], keys: tuple[str, str, str]) -> InstructionPair:
    instruction, material, answer = (record.get(key) or "" for key in keys)
    return InstructionPair(instruction, material, answer)
