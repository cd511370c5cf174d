"""Candidates of pairs for blind reading: `python -m recipes.coach_lm.sheets PAIRS… --output FOLDER`.

Writes `sheet.jsonl`, a row a candidate: `id`, `instruction`, `input` and two responses, `A` and `B`, one of them the
raw one, in an order that a hash decides; where the candidate changed what was asked, `A_asks` and `B_asks` say how.
`key.jsonl`, apart, says what each row is; nobody who reads may see it. With `--parts N` the sheet is cut into N files.
A run that was interrupted goes on: `candidates.jsonl` keeps what was made, invalid attempts too.

Readers answer in JSON lines, `{"id": …, "label": "A", "B" or "same", "reader": …}`;
`python -m recipes.coach_lm.labels` turns them into labels of candidates.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from coachlm.acceptance.candidates import Candidate
from coachlm.revision import Outcome
from coachlm.settings import Settings, load_settings
from coachlm.settings.acceptance import OFF
from recipes.coach_lm.pairs import NamedPair, draw, drawn, read_pairs, read_rows, write_rows
from reviser.choosing.building import copy_editors
from reviser.choosing.bundled_lm import BUNDLED_LM
from reviser.choosing.candidates import CandidateMaker, Plan
from reviser.engines import build_reviser

_BATCH = 16  # pairs between two writes


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, nargs="+", help="JSON lines of pairs, or of revisions: their raw side")
    parser.add_argument("--output", type=Path, required=True)
    add_engine_options(parser)
    parser.add_argument("--most", type=int, help="pairs, drawn by hash from all files together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-candidates", type=int, default=3, help="rows a pair, drawn by hash")
    parser.add_argument("--parts", type=int, default=1)
    options = parser.parse_args(arguments)
    pairs = drawn(read_pairs(options.pairs), options.most, options.seed)
    options.output.mkdir(parents=True, exist_ok=True)
    made = options.output / "candidates.jsonl"
    extend(made, pairs, engine_settings(options), Plan(options.samples))
    rows = read_rows(made)
    sheet, key = sheets(rows, options.seed, options.most_candidates)
    write_rows(options.output / "key.jsonl", key)
    write_rows(options.output / "sheet.jsonl", sheet)
    for part in range(options.parts if options.parts > 1 else 0):
        write_rows(options.output / f"sheet-{part + 1}.jsonl", sheet[part :: options.parts])
    outcomes = Counter(f"{row['origin']} {row['reason'] or row['outcome']}" for row in rows)
    print(json.dumps({"pairs": len(pairs), "rows": len(sheet), "outcomes": dict(outcomes.most_common())}, indent=1))


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--base", help="folder of the base; not given: what `make coach-lm` made")
    parser.add_argument("--adapter", default=BUNDLED_LM)
    parser.add_argument("--engine", default="packed")
    parser.add_argument("--float32", action="store_true", help="instead of int8")
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--temperature", type=float, default=0.6)
    parser.add_argument("--max-new-tokens", type=int, default=512)


def engine_settings(options: argparse.Namespace) -> Settings:
    return load_settings(
        engine=options.engine,
        model=options.base,
        adapter=options.adapter,
        reviser_int8=options.engine == "packed" and not options.float32,
        sampling_temperature=options.temperature if options.samples and options.engine == "packed" else 0.0,
        max_new_tokens=options.max_new_tokens,
        accept_model=OFF,
    )


def extend(path: Path, pairs: Sequence[NamedPair], settings: Settings, plan: Plan) -> None:
    """Adds the candidates of the pairs that the file doesn't have yet, batch by batch."""
    done = {row["pair"] for row in read_rows(path)} if path.exists() else set[str]()
    waiting = [pair for pair in pairs if pair.raw.id not in done]
    if not waiting:
        return
    maker = CandidateMaker(build_reviser(settings), copy_editors(settings), plan)
    with path.open("a", encoding="utf-8") as target:
        for start in range(0, len(waiting), _BATCH):
            batch = waiting[start : start + _BATCH]
            made = maker.candidates([pair.raw for pair in batch])
            for pair, candidates in zip(batch, made, strict=True):
                rows = (json.dumps(candidate_row(pair, each), ensure_ascii=False) for each in candidates)
                target.write("".join(f"{row}\n" for row in rows))
            target.flush()
            print(f"{len(batch)} pairs more", flush=True)
    maker.close()


def candidate_row(pair: NamedPair, candidate: Candidate) -> dict[str, Any]:
    revision = candidate.revision
    return {
        "pair": pair.raw.id,
        "name": pair.name,
        "origin": candidate.origin,
        "outcome": revision.outcome,
        "reason": revision.reason,
        "adapter": revision.adapter,
        "candidate": candidate.digest,
        "output_tokens": revision.output_tokens,
        "raw": pair.raw.as_dict(),
        "revised": candidate.text.as_dict(),
    }


def sheets(rows: Iterable[dict[str, Any]], seed: int, most: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What readers see, and what each row is, in an order that tells nothing."""
    shown: list[tuple[bytes, dict[str, Any], dict[str, Any]]] = []
    for row in _distinct(rows, seed, most):
        place = draw(f"{seed} {row['pair']} {row['candidate']}")
        name, side = place.hex()[:12], "AB"[place[8] % 2]
        shown.append((place, _seen(name, side, row), {"id": name, "side": side, **row}))
    shown.sort(key=lambda each: each[0])
    return [seen for _, seen, _ in shown], [key for _, _, key in shown]


def _distinct(rows: Iterable[dict[str, Any]], seed: int, most: int) -> Iterator[dict[str, Any]]:
    """Of each pair some of its distinct revisions."""
    by_pair: defaultdict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        if row["outcome"] == Outcome.REVISED:
            by_pair[row["pair"]].setdefault(row["candidate"], row)
    for own in by_pair.values():
        yield from sorted(own.values(), key=lambda row: draw(f"{seed} {row['candidate']}"))[:most]


def _seen(name: str, side: str, row: dict[str, Any]) -> dict[str, Any]:
    raw, revised = row["raw"], row["revised"]
    texts = {side: revised, "BA"["AB".index(side)]: raw}
    seen = {"id": name, "instruction": raw["instruction"], "input": raw["input"]}
    seen |= {letter: texts[letter]["output"] for letter in "AB"}
    if asks(revised) != asks(raw):
        seen |= {f"{letter}_asks": asks(texts[letter]) for letter in "AB"}
    return seen


def asks(row: dict[str, str]) -> str:
    return "\n".join(part for part in (row["instruction"], row["input"]) if part)


if __name__ == "__main__":
    main()
