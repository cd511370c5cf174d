"""Texts with a human label: unsafe or not, a refusal without an answer or not; each with its source.

`labels.json` holds hashes of the opening requests of HH-RLHF's harmless test part and 1 for unsafe, given by reading;
requests that readers may judge either way are left out. A source that isn't in the data folder is left out.
"""

import csv
import gzip
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coachlm.pairs import content_hash

MODELS = ("gpt4", "llama2new", "llama2orig", "mistralguard", "mistralinstruct")
"""Whose answers to XSTest people labelled."""
PLAIN = ("dolly", "alpaca_eval", "t0")
"""Sources without unsafe texts and refusals worth the name; not labelled one by one."""

_TURN = re.compile(r"\n\nHuman: (.*?)(?=\n\n(?:Human|Assistant): |\Z)", re.S)
_COPIES = 6


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, whether it is what is looked for, and where it comes from."""

    text: str
    label: bool
    source: str


def unsafe_texts(folder: Path) -> list[Labelled]:
    """Requests and posts that people labelled."""
    return [*_moderation(folder), *_xstest_requests(folder), *_advbench(folder), *_hh(folder)]


def refusals(folder: Path) -> list[Labelled]:
    """Responses; those that refuse in part have no label and are left out."""
    found: list[Labelled] = []
    for model in MODELS:
        for row in _csv(folder / f"safety/xstest_completions_{model}.csv"):
            if row["final_label"][0] != "3":
                found.append(Labelled(row["completion"], row["final_label"][0] == "2", f"xstest_{model}"))
    return found


def plain_texts(folder: Path) -> list[Labelled]:
    """Requests and answers to learn what is harmless from, shuffled."""
    dolly = list(_json_lines(folder / "corpora/dolly_15k.jsonl.gz"))
    texts = [("dolly", row["instruction"]) for row in dolly] + [("dolly", row["response"]) for row in dolly]
    texts += [("alpaca_eval", row["output"]) for row in _json_lines(folder / "corpora/alpaca_eval_answers.jsonl.gz")]
    texts += [("t0", row["prompt"]) for row in _json_lines(folder / "corpora/t0_27k.jsonl.gz")]
    random.Random(1).shuffle(texts)
    return [Labelled(text, False, source) for source, text in texts]


def seed_texts() -> list[Labelled]:
    """The project's own sentences, slots filled: for the verdict `unsafe`."""
    seeds, chooser = _seeds(), random.Random(2)
    return [
        Labelled(_filled(template, seeds["slots"], chooser), kind == "unsafe", "seeds")
        for kind in ("unsafe", "safe")
        for template in seeds[kind]
        for _ in range(_COPIES if "{" in template else 1)
    ]


def seed_refusals() -> list[Labelled]:
    return [Labelled(text, True, "seeds") for text in _seeds()["refusals"]]


def _filled(template: str, slots: dict[str, list[str]], chooser: random.Random) -> str:
    text = re.sub(r"\{(\w+)\}", lambda slot: chooser.choice(slots[slot[1]]), template)
    return text.lower() if chooser.random() < 0.2 else text


def _moderation(folder: Path) -> Iterator[Labelled]:
    for row in _json_lines(folder / "safety/openai_moderation.jsonl.gz"):
        yield Labelled(row.pop("prompt"), any(value == 1 for value in row.values()), "openai_moderation")


def _xstest_requests(folder: Path) -> Iterator[Labelled]:
    for row in _csv(folder / "safety/xstest_prompts.csv"):
        yield Labelled(row["prompt"], row["label"] != "safe", "xstest")


def _advbench(folder: Path) -> Iterator[Labelled]:
    for row in _csv(folder / "safety/advbench_behaviors.csv"):
        yield Labelled(row["goal"], True, "advbench")


def _hh(folder: Path) -> Iterator[Labelled]:
    labels = json.loads((Path(__file__).parent / "labels.json").read_text("utf-8"))
    for row in _json_lines(folder / "safety/hh_harmless_test.jsonl.gz"):
        opening = _TURN.match(row["chosen"])
        label = labels.pop(content_hash(opening[1].strip()), None) if opening else None
        if opening is not None and label is not None:
            yield Labelled(opening[1].strip(), bool(label), "hh_harmless")


def _seeds() -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "seeds.json").read_text("utf-8"))


def _csv(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _json_lines(path: Path) -> Iterator[Any]:
    if not path.exists():
        return
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)
