"""Puts the parts of the expert revisions together: `python -m recipes.expert_revisions.build PARTS`.

`PARTS` holds `raw/*.jsonl` (what `raw_side` wrote), `revised/*.jsonl` (what the writers made of it, after the second
reader) and `kept/*.jsonl` (pairs written as a capable assistant answers, which an expert leaves as they are: they go
into the training set alone, for the weak model is hardly ever right). Rows that break a rule are named and left out;
requests that repeat one another are kept once. `TEST_PAIRS` rows, drawn by class with a fixed seed, become the test
set and are never trained on: no request of the test set has a near copy among the others.
"""

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import coachlm
from coachlm.desk.categories import RevisionCategory
from coachlm.desk.rubric import Dimension
from coachlm.pairs import TaskClass
from coachlm.text.duplicates import similarity

DATA = Path(coachlm.__file__).parent / "data"
TRAINING_FILE, TEST_FILE = DATA / "expert_revisions.jsonl", DATA / "own_200.jsonl"
TEST_PAIRS = 200
NEAR = 0.6
"""From this share of common word triples on, two requests count as one."""
_TEXTS = ("instruction", "input", "response")
MODEL = "SmolLM2-135M-Instruct, int8, temperature 0.5, top-p 0.9"
WRITTEN = "none: the answer was written for this set, as a capable assistant gives it"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", type=Path)
    parts: Path = parser.parse_args().parts
    raw = {row["id"]: row for row in _rows(parts / "raw")}
    left_out: Counter[str] = Counter()
    kept: list[dict[str, Any]] = []
    for revised in _rows(parts / "revised"):
        if problem := wrong(revised, raw.get(revised["id"])):
            print(f"left out {revised['id']}: {problem}")
            left_out[problem] += 1
        else:
            kept.append(record(raw[revised["id"]], revised))
    kept = list(without_repeats(kept, left_out))
    test = draw_test(kept, random.Random(150))
    good = map(record_of_good, _rows(parts / "kept"))
    training = [row for row in without_repeats([*kept, *good], left_out) if row["id"] not in test]
    write(TRAINING_FILE, training)
    write(TEST_FILE, [row for row in kept if row["id"] in test])
    print(json.dumps({"training": len(training), "test": len(test), "left_out": dict(left_out)}))


def wrong(revised: Mapping[str, Any], raw: Mapping[str, Any] | None) -> str | None:
    """What rule a row breaks; None where it breaks none."""
    if raw is None:
        return "no raw side"
    if not raw["ended"]:
        return "the raw answer has no end"
    if not all(isinstance(revised.get(name), str) for name in _TEXTS) or not revised["response"].strip():
        return "a text is missing"
    categories, flaws = set(revised["changes"]), set(revised["flaws"])
    if categories - set(RevisionCategory) or flaws - set(Dimension):
        return "an unknown category or dimension"
    same = all(revised[name].strip() == (raw.get(name) or "").strip() for name in _TEXTS)
    if same != (not categories):
        return "texts and categories disagree"
    if not all(95 <= revised["score_after"][part] <= 100 for part in ("instruction", "response")):
        return "revised, but below 95"
    return None


def record(raw: Mapping[str, Any], revised: Mapping[str, Any]) -> dict[str, Any]:
    """One line of the data set; `raw` and `revised` are Alpaca records, so that `coachlm train` reads the file."""
    return {
        "id": raw["id"],
        "task_class": TaskClass(raw["task_class"]).value,
        "domain": raw["domain"],
        "system": raw.get("system") or "",
        "earlier": raw.get("earlier") or [],
        "raw": {"instruction": raw["instruction"], "input": raw.get("input") or "", "output": raw["response"]},
        "revised": {
            name: revised[key].strip() for name, key in zip(("instruction", "input", "output"), _TEXTS, strict=True)
        },
        "changes": sorted(revised["changes"]),
        "flaws": sorted(revised["flaws"]),
        "score_before": revised["score_before"],
        "score_after": revised["score_after"],
        "model": MODEL,
    }


def record_of_good(row: Mapping[str, Any]) -> dict[str, Any]:
    """A pair that was written to be left alone: both sides are one text."""
    pair = {"instruction": row["instruction"], "input": row.get("input") or "", "response": row["response"].strip()}
    same = {"id": row["id"], "changes": [], "flaws": [], "score_after": row["score"], "score_before": row["score"]}
    return record({**row, **pair}, {**same, **pair}) | {"model": WRITTEN}


def without_repeats(rows: Iterable[dict[str, Any]], left_out: Counter[str]) -> Iterator[dict[str, Any]]:
    """The first of those that ask the same."""
    asked: list[str] = []
    for row in rows:
        text = request_of(row)
        if any(_alike(text, other) for other in asked):
            left_out["a request twice"] += 1
            continue
        asked.append(text)
        yield row


def request_of(row: Mapping[str, Any]) -> str:
    earlier = " ".join(message["content"] for message in row["earlier"])
    return f"{earlier} {row['raw']['instruction']} {row['raw']['input']}".strip()


def draw_test(rows: list[dict[str, Any]], rng: random.Random) -> set[str]:
    """Ids, in each class as many as its share of all rows."""
    by_class: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_class[row["task_class"]].append(row["id"])
    share = TEST_PAIRS / max(len(rows), 1)
    drawn: list[str] = []
    for ids in by_class.values():
        drawn += rng.sample(ids, round(share * len(ids)))
    spare = sorted({row["id"] for row in rows} - set(drawn))
    drawn += rng.sample(spare, max(TEST_PAIRS - len(drawn), 0)) if spare else []
    return set(drawn[:TEST_PAIRS])


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _alike(first: str, second: str) -> bool:
    shorter, longer = sorted((len(first), len(second)))
    return 2 * shorter >= longer and similarity(first, second) >= NEAR


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.jsonl")):
        yield from (json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip())


if __name__ == "__main__":
    main()
