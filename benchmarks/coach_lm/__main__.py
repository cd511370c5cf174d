"""The language-model coach on expert revisions that it was never trained on: the project's own 200, and the paper's.

How likely it finds the experts' text, how many of its outputs are valid, how many pairs people see revised after
acceptance, and what blind readers said of those; beside it the same model without acceptance, the copy-editor and the
rules, and, in full, the base by instruction alone and the speed of each engine. The readers' labels are committed
(`labels.jsonl`: ids and labels); a text that nobody has read, because the model has changed since, counts nowhere.

`--sheets FOLDER` writes what is shown as a sheet for blind reading, see `recipes.coach_lm.sheets`.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import coachlm
from benchmarks.coach_lm.figures import Made, figures
from benchmarks.coach_lm.run import ACCEPTED, GREEDY, INSTRUCTED, Coach, contenders, instructed, likelihoods
from benchmarks.coach_lm.speed import speeds
from coachlm.acceptance.labels import mean_labels, read_labels
from coachlm.acceptance.model import FILE, read_acceptance
from coachlm.errors import CoachLMError
from coachlm.revision import Revision
from recipes.coach_lm.pairs import NamedPair, drawn, read_pairs, write_rows
from recipes.coach_lm.sheets import sheets
from reviser.choosing import bundled_lm

OWN = Path(coachlm.__file__).parent / "data" / "own_200.jsonl"
LABELS = Path(__file__).parent / "labels.jsonl"
_KEYS = ("valid_share", "revised_share", "better", "same", "worse", "pairs_per_cpu_second")
_QUICK = {"own": 5, "paper": 2}
_FULL = {"own": 200, "paper": 100}


def main() -> None:
    options = _options()
    try:
        coach = _coach(options)
        if options.quick:
            coach = replace(coach, samples=1)
        sets = _sets(_QUICK if options.quick else _FULL)
        found, made = measure(coach, sets, quick=options.quick)
    except CoachLMError as error:
        sys.exit(str(error))
    if options.sheets:
        write_sheets(options.sheets, made)
    show(found)
    print(json.dumps(summary(found)))


def measure(
    coach: Coach, sets: Mapping[str, Sequence[NamedPair]], *, quick: bool
) -> tuple[dict[str, Any], dict[str, dict[str, Made]]]:
    labels = mean_labels(read_labels(LABELS)) if LABELS.is_file() else {}
    made, nats = contenders(coach, sets), likelihoods(coach, sets)
    found: dict[str, Any] = {}
    for name, pairs in sets.items():
        if not quick:
            made[name][INSTRUCTED] = instructed(coach, pairs)
        before, after = nats[name]
        found[name] = {"nll_before": round(before, 4), "nll_after": round(after, 4)}
        found[name] |= {each: figures(one, labels) for each, one in made[name].items()}
    if not quick:
        found["speed"] = speeds(coach, [pair.raw for pair in sets["own"][:16]])
    return found, made


def summary(found: Mapping[str, Any]) -> dict[str, Any]:
    """On the project's own pairs, and under `paper_…` on the paper's where they are here."""
    line: dict[str, Any] = {}
    for name, prefix in (("own", ""), ("paper", "paper_")):
        if name in found:
            line |= {f"{prefix}{key}": found[name][key] for key in ("nll_before", "nll_after")}
            line |= {f"{prefix}{key}": found[name][ACCEPTED].get(key) for key in _KEYS}
    return line | {f"speed_{name}": value for name, value in found.get("speed", {}).items()}


def show(found: Mapping[str, Any]) -> None:
    for name, each in found.items():
        if name == "speed":
            continue
        print(f"{name}: experts' text {each['nll_before']:.3f} → {each['nll_after']:.3f} nats a token")
        for contender, values in each.items():
            if isinstance(values, dict):
                print(f"  {contender:28} " + "  ".join(f"{key} {value}" for key, value in values.items()))
    for engine, value in found.get("speed", {}).items():
        print(f"pairs per CPU-second, {engine}: {value}")


def write_sheets(folder: Path, made: Mapping[str, Mapping[str, Made]]) -> None:
    """What the two ways that have to be compared show, each text once."""
    shown = chain.from_iterable(
        _rows(f"{name}: {each}", one[each]) for name, one in made.items() for each in (ACCEPTED, GREEDY)
    )
    sheet, key = sheets(shown, seed=0, most=4)
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "sheet.jsonl", sheet)
    write_rows(folder / "key.jsonl", key)


def _rows(origin: str, made: Made) -> Iterator[dict[str, Any]]:
    for raw, revision in made.shown:
        yield _row(origin, raw.as_dict(), revision)


def _row(origin: str, raw: dict[str, str], revision: Revision) -> dict[str, Any]:
    return {
        "pair": revision.pair_id,
        "candidate": revision.revised.id,
        "origin": origin,
        "outcome": revision.outcome,
        "reason": revision.reason,
        "raw": raw,
        "revised": revision.revised.as_dict(),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few pairs; within 50 s on 2 cores")
    parser.add_argument("--adapter", default=bundled_lm.BUNDLED_LM, help="another adapter folder")
    parser.add_argument("--base", help="folder of its base; not given: what `make coach-lm` made")
    parser.add_argument("--acceptance", type=Path, help="another acceptance model")
    parser.add_argument("--sheets", type=Path, help="write what is shown for blind reading, into this folder")
    return parser.parse_args()


def _coach(options: argparse.Namespace) -> Coach:
    """Raises: CoachLMError, with what to do, where something is not here."""
    from coachlm.settings import load_settings

    settings = bundled_lm.with_bundled_lm(load_settings(adapter=options.adapter, model=options.base))
    base = settings.reviser.model or bundled_lm.bundled_lm_base()
    if base is None or settings.reviser.adapter is None:
        sys.exit("the base of the language-model coach is not here: make coach-lm")
    adapter = Path(settings.reviser.adapter)
    beside = next(
        (path for path in (adapter / FILE, adapter.parent / FILE) if path.is_file()), bundled_lm.FOLDER / FILE
    )
    return Coach(str(base), str(adapter), read_acceptance(options.acceptance or beside))


def _sets(sizes: Mapping[str, int]) -> dict[str, list[NamedPair]]:
    found = {"own": drawn(read_pairs([OWN]), sizes["own"], 0)}
    folder = os.environ.get("COACHLM_DATA_DIR")
    if folder:
        papers = Path(folder) / "coachlm" / "expert_revisions.jsonl"
        found["paper"] = drawn(read_pairs([papers]), sizes["paper"], 0)
    return found


if __name__ == "__main__":
    main()
