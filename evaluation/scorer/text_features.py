"""What the local scorer sees of a pair: measures of layout, language and fit, and hashed words. It knows no weights."""

import math
import re
from collections import Counter
from itertools import pairwise

from xxhash import xxh3_64_intdigest

from coachlm.pairs import InstructionPair

BUCKETS = 1 << 16
"""Hashed words are counted in this many."""

MAX_CHARS = 20_000
"""Of a text, what lies behind is not looked at; bounds the time a pair takes."""

LENGTH_MEASURES = (
    "words",
    "below_10",
    "above_50",
    "above_150",
    "above_300",
    "characters",
    "lines",
    "paragraphs",
    "list_items",
    "sentences",
    "distinct_words",
    "connectives",
    "colons",
    "parentheses",
)
"""Measures that grow with the response whatever its quality; the length-free model leaves them out."""

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[^\w\s]")
_SENTENCE_END = re.compile(r"(?<![.!?])[.!?]++\s|\n+")
_LIST_ITEM = re.compile(r"^[ \t]*(?:[-*•]|\d{1,3}[.)])\s", re.MULTILINE)
_COLON_LINE = re.compile(r":[ \t]*\n")
_PLACEHOLDER = re.compile(r"\[[^\]\n]{1,60}\]|_{3,}|<[a-zA-Z][^>\n]{0,60}>")
_BLANKS = re.compile(r"[ \t]+")
_NO_INPUT = re.compile(r"<?no ?input>?\.?|n/?a\.?|none\.?", re.IGNORECASE)
_CONNECTIVES = frozenset(
    {
        "because",
        "therefore",
        "however",
        "while",
        "since",
        "for",
        "additionally",
        "furthermore",
        "moreover",
        "overall",
        "such",
        "as",
        "which",
        "by",
        "with",
    }
)
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " "})


def measures(pair: InstructionPair) -> dict[str, float]:
    """Finite numbers under names that are the same for every pair, in the same order."""
    instruction, material, response = _clean(pair.instruction), _clean(pair.input), _clean(pair.response)
    words = _WORD.findall(response.lower())
    asked = set(_WORD.findall(f"{instruction} {material}".lower()))
    return {
        **_length(response, words),
        **_layout(response),
        **_language(response, words),
        **_fit(words, asked),
        **_request(instruction, material),
    }


def word_buckets(pair: InstructionPair) -> dict[int, float]:
    """Bucket → weight; the weights' squares sum to 1, so that long texts weigh no more than short ones."""
    response, instruction = _clean(pair.response).lower(), _clean(pair.instruction).lower()
    tokens, asked = _TOKEN.findall(response), _TOKEN.findall(instruction)
    counts: Counter[int] = Counter()
    features = Counter(f"w {token}" for token in tokens)
    features.update(f"b {first} {second}" for first, second in pairwise(tokens))
    features.update(f"i {token}" for token in asked)
    features.update(f"j {first} {second}" for first, second in pairwise(asked))
    weights = {name: 1 + math.log(count) for name, count in features.items()}
    for name in _opening(tokens):
        weights[name] = 3.0
    for name, weight in weights.items():
        counts[_bucket(name)] += weight  # pyright: ignore[reportArgumentType]
    norm = math.sqrt(sum(weight * weight for weight in counts.values())) or 1.0
    return {bucket: weight / norm for bucket, weight in counts.items()}


def _opening(tokens: list[str]) -> list[str]:
    """The response's first words: each of eight, and the first one to six together."""
    together = [f"o {' '.join(tokens[: size + 1])}" for size in range(min(6, len(tokens)))]
    return together + [f"f {token}" for token in dict.fromkeys(tokens[:8])]


def _bucket(name: str) -> int:
    return xxh3_64_intdigest(name.encode("utf-8", "surrogatepass")) % BUCKETS


def _clean(text: str) -> str:
    """Without what differs by source and says nothing of quality: curly quotes, doubled and trailing blanks."""
    text = text[:MAX_CHARS].translate(_QUOTES).replace("\r\n", "\n").replace("\r", "\n")
    return _BLANKS.sub(" ", text).replace(" \n", "\n").strip()


def _length(text: str, words: list[str]) -> dict[str, float]:
    log_words = math.log1p(len(words))
    return {
        "words": log_words,
        "below_10": max(0.0, math.log(10) - log_words),
        "above_50": max(0.0, log_words - math.log(50)),
        "above_150": max(0.0, log_words - math.log(150)),
        "above_300": max(0.0, log_words - math.log(300)),
        "characters": math.log1p(len(text)),
        "lines": math.log1p(text.count("\n")),
        "paragraphs": math.log1p(text.count("\n\n")),
        "list_items": math.log1p(len(_LIST_ITEM.findall(text))),
        "sentences": math.log1p(_sentences(text)),
        "distinct_words": math.log1p(len(set(words))),
        "connectives": math.log1p(sum(word in _CONNECTIVES for word in words)),
        "colons": math.log1p(text.count(":")),
        "parentheses": math.log1p(text.count("(")),
    }


def _sentences(text: str) -> int:
    return sum(1 for part in _SENTENCE_END.split(text) if part.strip())


def _layout(text: str) -> dict[str, float]:
    size = max(1, len(text))
    return {
        "has_lines": float("\n" in text),
        "line_after_colon": float(_COLON_LINE.search(text) is not None),
        "bold": float("**" in text),
        "code": float("```" in text),
        "quotes": float('"' in text),
        "placeholder": float(_PLACEHOLDER.search(text) is not None),
        "digits": sum(map(str.isdigit, text)) / size,
        "capitals": sum(map(str.isupper, text)) / size,
        "punctuation": sum(not (c.isalnum() or c.isspace()) for c in text) / size,
        "starts_capital": float(text[:1].isupper()),
        "starts_small": float(text[:1].islower()),
        "ends_closed": float(text[-1:] in tuple('.!?)"`')),
        "ends_full_stop": float(text[-1:] == "."),
        "ends_letter": float(text[-1:].isalnum()),
        "exclamation": float("!" in text),
    }


def _language(text: str, words: list[str]) -> dict[str, float]:
    count = max(1, len(words))
    triples = len(words) - 2
    distinct = len(set(zip(words, words[1:], words[2:], strict=False)))
    return {
        "sentence_words": math.log1p(len(words) / max(1, _sentences(text))),
        "word_characters": min(30.0, sum(map(len, words)) / count),
        "long_words": sum(len(word) > 7 for word in words) / count,
        "variety": len(set(words)) / count**0.75,
        "repetition": 1 - distinct / triples if triples > 0 else 0.0,
        "commas": min(2.0, text.count(",") / count),
        "you": sum(word in ("you", "your") for word in words) / count,
        "has_you": float("you" in words or "your" in words),
        "has_i": float("i" in words),
    }


def _fit(words: list[str], asked: set[str]) -> dict[str, float]:
    """How far the response takes up the request's words."""
    said = set(words)
    return {
        "request_covered": len(asked & said) / max(1, len(asked)),
        "request_repeated": sum(word in asked for word in words) / max(1, len(words)),
        "opening_repeats": sum(word in asked for word in words[:8]) / 8,
    }


def _request(instruction: str, material: str) -> dict[str, float]:
    return {
        "instruction_words": math.log1p(len(instruction.split())),
        "input_words": math.log1p(len(material.split())),
        "instruction_ends": float(instruction[-1:] in tuple(".?!:")),
        "instruction_capital": float(instruction[:1].isupper()),
        "question": float("?" in instruction),
        "no_input": float(not material),
        "input_says_none": float(_NO_INPUT.fullmatch(material) is not None),
        "please": float("please" in instruction.lower()),
    }
