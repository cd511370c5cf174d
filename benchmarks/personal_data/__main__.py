"""Replacing personal data: speed on real texts, recall on made-up values, false alarms, against Presidio and
detect-secrets on the same texts in the same run.

Presidio runs its pattern recognisers over a blank spaCy pipeline. A peer that isn't installed is left out (null).
`--list` prints every place found in the real logs, for reading by eye.
"""

import argparse
import gzip
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from benchmarks.personal_data.values import Sample, counter_examples, positives
from coachlm.text.personal_data import Kind, Redactor

Spans = set[tuple[str, str]]  # kind and text of what was found
Find = Callable[[Sequence[str]], Spans]
_PRESIDIO_KINDS = {
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "IBAN_CODE": "IBAN",
    "CREDIT_CARD": "CREDIT_CARD",
    "IP_ADDRESS": "IP_ADDRESS",
}


@dataclass(frozen=True, slots=True)
class Tool:
    """A contender; `kinds` are those it claims to find."""

    find: Find
    kinds: frozenset[str]
    recalled: Callable[[Sample], bool]


@dataclass(slots=True)
class Result:
    """What a tool came to."""

    microseconds_per_pair: float = 0.0  # Alpaca
    nanoseconds_per_character: float = 0.0  # ShareGPT
    recall: dict[str, float] = field(default_factory=dict)
    missed_forms: Counter[str] = field(default_factory=Counter)
    false_alarms: float = 0.0  # share of the counter-examples in which anything was found
    alarming_forms: Counter[str] = field(default_factory=Counter)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer texts; within 50 s on 2 cores")
    parser.add_argument("--list", action="store_true", help="print what is found in the logs instead")
    arguments = parser.parse_args()
    data = _data_dir()
    chats = list(_chats(data))
    if arguments.list:
        return _list_findings(chats)
    pairs = list(_alpaca(data))
    random.Random(0).shuffle(pairs)
    pairs = pairs[: 5_000 if arguments.quick else len(pairs)]
    generator = random.Random(7)
    each = 20 if arguments.quick else 200
    samples, others = positives(generator, each), counter_examples(generator, each)
    results = {
        name: make and _measure(make(), pairs, chats, samples, others, share=1 if name == "coachlm" else 20)
        for name, make in _tools().items()
    }
    _report(results, len(samples), len(others))
    return None


def _measure(
    tool: Tool, pairs: list[list[str]], chats: list[list[str]], samples: list[Sample], others: list[Sample], share: int
) -> Result:
    """Peers get a part of the texts: a text costs them the same whichever part it is in."""
    result = Result()
    part = pairs[: max(250, len(pairs) // share)]
    result.microseconds_per_pair = _cpu_seconds(tool.find, part) / len(part) * 1e6
    part = chats[: max(20, len(chats) // share)]
    characters = sum(len(text) for texts in part for text in texts)
    result.nanoseconds_per_character = _cpu_seconds(tool.find, part) / characters * 1e9
    found: Counter[str] = Counter()
    for sample in samples:
        if sample.kind in tool.kinds:
            hit = tool.recalled(sample)
            found[sample.kind] += hit
            result.missed_forms[f"{sample.kind} {sample.form}"] += not hit
    in_all = Counter(sample.kind for sample in samples)
    result.recall = {kind: found[kind] / in_all[kind] for kind in Kind if kind in tool.kinds}
    for sample in others:
        result.alarming_forms[sample.form] += bool(tool.find([sample.text]))
    result.false_alarms = result.alarming_forms.total() / len(others)
    return result


def _cpu_seconds(find: Find, conversations: list[list[str]]) -> float:
    start = time.process_time()
    for texts in conversations:
        find(texts)
    return time.process_time() - start


def _tools() -> dict[str, Callable[[], Tool] | None]:
    return {
        "coachlm": _coachlm,
        "presidio": _presidio if find_spec("presidio_analyzer") else None,
        "detect_secrets": _detect_secrets if find_spec("detect_secrets") else None,
    }


def _coachlm() -> Tool:
    redactor = Redactor()

    def find(texts: Sequence[str]) -> Spans:
        return {(kind, "") for kind in redactor.redact(texts).counts}

    def recalled(sample: Sample) -> bool:
        return redactor.redact([sample.text]).texts[0] == sample.text.replace(sample.value, f"<{sample.kind}_1>")

    return Tool(find, frozenset(Kind), recalled)


def _presidio() -> Tool:
    import logging

    import spacy
    from presidio_analyzer import (  # pyright: ignore[reportMissingImports]
        AnalyzerEngine,
        RecognizerRegistry,
        predefined_recognizers,
    )
    from presidio_analyzer.nlp_engine import SpacyNlpEngine  # pyright: ignore[reportMissingImports]

    class Blank(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
            self.nlp = {"en": spacy.blank("en")}

    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    names = ("Email", "Phone", "CreditCard", "Iban", "Ip")
    recognisers = [getattr(predefined_recognizers, f"{name}Recognizer")(supported_language="en") for name in names]
    registry = RecognizerRegistry(recognizers=recognisers, supported_languages=["en"])
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])

    def find(texts: Sequence[str]) -> Spans:
        found = ((text, hit) for text in texts if text for hit in analyzer.analyze(text, "en"))
        return {(_PRESIDIO_KINDS[hit.entity_type], text[hit.start : hit.end]) for text, hit in found}

    def recalled(sample: Sample) -> bool:
        return any(kind == sample.kind and sample.value in span for kind, span in find([sample.text]))

    return Tool(find, frozenset(_PRESIDIO_KINDS.values()), recalled)


def _detect_secrets() -> Tool:
    """Its plugins of patterns and names; outside of source code its entropy plugins flag every quoted string."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class  # pyright: ignore[reportMissingImports]
    from detect_secrets.core.scan import scan_line  # pyright: ignore[reportMissingImports]
    from detect_secrets.settings import transient_settings  # pyright: ignore[reportMissingImports]

    plugins = [plugin.__name__ for plugin in get_mapping_from_secret_type_to_class().values()]
    named = {
        "plugins_used": [{"name": name} for name in plugins if "Entropy" not in name and name != "IPPublicDetector"]
    }

    def find(texts: Sequence[str]) -> Spans:
        with transient_settings(named):
            lines = (line for text in texts for line in text.splitlines())
            return {("SECRET", str(hit.secret_value)) for line in lines for hit in scan_line(line)}

    def recalled(sample: Sample) -> bool:
        return bool(find([sample.text]))  # some plugins name the whole secret, some its prefix alone

    return Tool(find, frozenset({"SECRET"}), recalled)


def _alpaca(data: Path) -> Iterator[list[str]]:
    with gzip.open(data / "alpaca" / "alpaca_52k.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            yield [record["instruction"], record["input"], record["output"]]


def _chats(data: Path) -> Iterator[list[str]]:
    with gzip.open(data / "logs" / "sharegpt.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield [str(turn.get("value", "")) for turn in json.loads(line)["conversations"]]
    with (data / "logs" / "oasst" / "en_100_message.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield [json.loads(line)["text"]]


def _list_findings(chats: list[list[str]]) -> None:
    """The neighbourhood of every placeholder; what it stands for is shown by comparing with the original."""
    redactor = Redactor()
    for number, texts in enumerate(chats):
        for before, after in zip(texts, redactor.redact(texts).texts, strict=True):
            if before != after:
                print(f"== conversation {number}\n{before}\n-- becomes\n{after}")


def _report(results: dict[str, Result | None], samples: int, others: int) -> None:
    print(f"{samples:,} made-up values, {others:,} counter-examples\n")
    print(f"{'':16}{'µs/pair':>9}{'ns/char':>9}{'alarms':>8}  recall")
    figures: dict[str, object] = {}
    for name, result in results.items():
        figures[name] = None
        if result is None:
            print(f"{name:16}not installed")
            continue
        recall = "  ".join(f"{kind} {share:.3f}" for kind, share in result.recall.items())
        speed = f"{result.microseconds_per_pair:>9.1f}{result.nanoseconds_per_character:>9.0f}"
        print(f"{name:16}{speed}{result.false_alarms:>8.3f}  {recall}")
        figures[name] = {
            "microseconds_per_pair": round(result.microseconds_per_pair, 1),
            "pairs_per_cpu_second": round(1e6 / result.microseconds_per_pair),
            "nanoseconds_per_character": round(result.nanoseconds_per_character),
            "recall": {kind: round(share, 4) for kind, share in result.recall.items()},
            "false_alarm_rate": round(result.false_alarms, 4),
        }
    for name, result in results.items():
        if result is not None:
            print(f"\n{name} misses: {dict(+result.missed_forms)}\n{name} false alarms: {dict(+result.alarming_forms)}")
    print(json.dumps(figures))


def _data_dir() -> Path:
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("COACHLM_DATA_DIR is not set to the folder of public data sets; see docs/reference/public-data.md")
    return Path(folder)


if __name__ == "__main__":
    main()
