"""What the language-model coach learns from: `python -m recipes.coach_lm.training_set FOLDER`.

Writes `train.jsonl` and `held_out.jsonl`. All of it comes from the project's own expert revisions. Beside a revision a
fifth of the experts' texts stands once more as its own raw side, unchanged: what is good has to be left alone, and a
weak model's answers alone would never show that. Pairs that need an earlier conversation are left out, for the coach's
prompt doesn't have it, and so are long ones, which cost a processor most.
"""

import argparse
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import coachlm

SOURCE = Path(coachlm.__file__).parent / "data" / "expert_revisions.jsonl"
HELD_OUT = 100  # pairs
MOST_CHARS = 2_400  # of raw and revised texts together, some 600 tokens
UNCHANGED = 5  # one in this many experts' texts comes once more as its own raw side
_TEXTS = ("instruction", "input", "output")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--source", type=Path, default=SOURCE)
    options = parser.parse_args()
    rows = sorted(_usable(options.source), key=lambda row: _draw(row["id"]))
    held_out, training = rows[:HELD_OUT], rows[HELD_OUT:]
    options.folder.mkdir(parents=True, exist_ok=True)
    _write(options.folder / "held_out.jsonl", held_out)
    _write(options.folder / "train.jsonl", _with_unchanged(training))
    print(json.dumps({"training": len(training), "unchanged": len(training[::UNCHANGED]), "held_out": len(held_out)}))


def _usable(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        chars = sum(len(row[side][text]) for side in ("raw", "revised") for text in _TEXTS)
        if not row["earlier"] and chars <= MOST_CHARS:
            yield row


def _with_unchanged(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for place, row in enumerate(rows):
        yield row
        if place % UNCHANGED == 0:
            yield row | {"id": f"{row['id']}-kept", "raw": row["revised"], "changes": []}


def _draw(name: str) -> bytes:
    """An order that stays when rows are added."""
    return hashlib.sha256(name.encode()).digest()


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    lines = (json.dumps({"id": row["id"], "raw": row["raw"], "revised": row["revised"]}) for row in rows)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
