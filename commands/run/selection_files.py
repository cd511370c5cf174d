"""What `select` reads and writes: rated records, ratings, the chosen and why."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from coachlm.choosing.candidates import Candidate
from coachlm.choosing.selection import Selection
from coachlm.errors import ExportError, InputError
from coachlm.pairs import InstructionPair

_SCORES = ("score", "rating", "scores", "ratings")
_ANSWERS = ("output", "response")


def read_rated(path: Path) -> tuple[dict[str, Candidate], dict[str, list[float]]]:
    """Candidates and ratings by id, of JSON lines with instruction, input, output and score. Raises: InputError."""
    candidates: dict[str, Candidate] = {}
    ratings: dict[str, list[float]] = {}
    for number, record in _records(path):
        answer = next((record[name] for name in _ANSWERS if isinstance(record.get(name), str)), None)
        if not isinstance(record.get("instruction"), str) or answer is None:
            raise InputError(f"{path}, record {number}: give the texts `instruction` and `output`, and a `score`")
        pair = InstructionPair(record["instruction"], record.get("input") or "", answer)
        name = str(record.get("id") or pair.id)
        candidates[name] = Candidate(name, pair, {}, str(record.get("category") or ""), str(record.get("source") or ""))
        ratings.setdefault(name, []).extend(_scores(path, number, record))
    return candidates, ratings


def read_ratings(path: Path) -> dict[str, list[float]]:
    """Ratings by the ids of pairs, of JSON lines with `id` and `score`. Raises: InputError."""
    ratings: dict[str, list[float]] = {}
    for number, record in _records(path):
        if not record.get("id"):
            raise InputError(f"{path}, record {number}: give the pair's `id` (a column of exports with --provenance)")
        ratings.setdefault(str(record["id"]), []).extend(_scores(path, number, record))
    return ratings


def write_selection(
    folder: Path, candidates: Sequence[Candidate], selection: Selection, summary: dict[str, Any], *, overwrite: bool
) -> None:
    """`data.jsonl`, `selection.jsonl` and `summary.json`. Raises: ExportError."""
    if folder.exists() and any(folder.iterdir()) and not overwrite:
        raise ExportError(f"{folder} is not empty; choose another folder or give --overwrite")
    chosen = [(candidates[choice.index], choice) for choice in selection.choices]
    data = [candidate.pair.as_dict() for candidate, _ in chosen]
    why = [
        {"rank": rank, "id": candidate.id, "signal": round(choice.signal, 4), "why": choice.reason}
        for rank, (candidate, choice) in enumerate(chosen, 1)
    ]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in (("data.jsonl", data), ("selection.jsonl", why), ("summary.json", [summary])):
            lines = (json.dumps(row, ensure_ascii=False) for row in rows)
            text = "".join(f"{line}\n" for line in lines)
            (folder / name).write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ExportError(f"can't write the selection to {folder}: {error.strerror or error}") from error


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    record = json.loads(line)
                    if not isinstance(record, dict):
                        raise InputError(f"{path}, line {number}: a record is a JSON object; write one a line")
                    yield number, record
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read as JSON lines ({error}); write one JSON object a line") from error


def _scores(path: Path, number: int, record: dict[str, Any]) -> list[float]:
    found = next((record[name] for name in _SCORES if record.get(name) is not None), None)
    given = found if isinstance(found, list) else [] if found is None else [found]
    try:
        scores = [float(score) for score in given]
    except (TypeError, ValueError) as error:
        raise InputError(f'{path}, record {number}: score {found!r} is no number; write `"score": 4.5`') from error
    if not all(map(math.isfinite, scores)):
        raise InputError(f"{path}, record {number}: score {found!r} isn't finite; leave it out")
    return scores
