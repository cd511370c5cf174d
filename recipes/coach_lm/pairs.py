"""Pairs and revisions for the language-model coach's recipes and benchmark, in the forms that their sources have."""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coachlm.pairs import InstructionPair

MOST_CHARS = 2_400  # of a raw pair; longer ones cost a processor most


@dataclass(frozen=True, slots=True)
class NamedPair:
    """A raw pair with its name in its source, and an expert's text where there is one."""

    name: str
    raw: InstructionPair
    final: InstructionPair | None = None


def read_pairs(paths: Iterable[Path]) -> Iterator[NamedPair]:
    """The project's revisions (`raw`, `revised`), the paper's (`Raw Instruction`, …) or Alpaca's records, gzipped or
    not; JSON lines. Pairs that need an earlier conversation are left out: the coach's prompt doesn't have it."""
    for path in paths:
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for number, line in enumerate(text.decode("utf-8").splitlines()):
            row = json.loads(line)
            if not row.get("earlier"):
                yield _pair(row, f"{path.name.partition('.')[0]}-{number}")


def drawn(pairs: Iterable[NamedPair], most: int | None, seed: int) -> list[NamedPair]:
    """At most so many, one an instruction, none too long, in an order that stays when pairs are added."""
    chosen: dict[str, NamedPair] = {}
    for pair in sorted(pairs, key=lambda each: draw(f"{seed} {each.raw.id}")):
        if sum(map(len, (pair.raw.instruction, pair.raw.input, pair.raw.response))) <= MOST_CHARS:
            chosen.setdefault(pair.raw.instruction, pair)
    return list(chosen.values())[:most]


def draw(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def write_rows(path: Path, rows: Iterable[object]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _pair(row: dict[str, Any], place: str) -> NamedPair:
    if "raw" in row:
        return NamedPair(row.get("id", place), pair_of(row["raw"]), pair_of(row["revised"]))
    if "Raw Instruction" in row:
        return NamedPair(place, _papers(row, "Raw"), _papers(row, "Revised"))
    return NamedPair(row.get("id", place), pair_of(row))


def pair_of(row: Mapping[str, str]) -> InstructionPair:
    return InstructionPair(row["instruction"], row.get("input") or "", row.get("output", row.get("response", "")))


def _papers(row: dict[str, str], side: str) -> InstructionPair:
    instruction, extra, response = (row.get(f"{side} {name}") or "" for name in ("Instruction", "Input", "Response"))
    return InstructionPair(instruction, extra, response)
