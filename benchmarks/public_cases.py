"""Small inputs from public reports with what they must come to: which of them come out right.

A case is a folder with its input and `expected.json`: `pairs` exactly these (instruction, response) are accepted, `may`
nothing but these, `absent` texts that are in no accepted text, `rejects` the reasons. Exports are not looked at.
"""

import json
from pathlib import Path
from typing import Any

from coachlm.pairs import InstructionPair, Reject
from coachlm.settings import load_settings
from streams.reading.join import Joiner
from streams.reading.sources import read_source
from streams.reading.sources.records import ParseOptions
from streams.reading.stages import IntakeStages


def public_cases(folder: str) -> dict[str, bool]:
    """Whether each case comes out as expected, by its name; none where there is no folder."""
    if not folder:
        return {}
    settings = load_settings()
    stages = IntakeStages(settings, ParseOptions.from_settings(settings), b"salt")
    return {path.parent.name: _is_right(stages, path) for path in sorted(Path(folder).glob("*/expected.json"))}


def intake(stages: IntakeStages, paths: list[Path]) -> tuple[list[InstructionPair], list[Reject]]:
    """The accepted pairs and the rejects of files."""
    joiner, extracts = Joiner(64_000_000), []
    for path in paths:
        extract = stages.process(read_source(str(path), ParseOptions()))
        matched = joiner.match(extract.fragments, ended=str(path))
        extracts += [extract, stages.join(matched.groups)]
    accepted = [item.sourced.pair for e in extracts for item in e.pairs if item.exclusion is None]
    return accepted, [reject for e in extracts for reject in e.rejects] + joiner.flush()


def faults_of(case: dict[str, Any], accepted: list[InstructionPair], rejects: list[Reject]) -> list[str]:
    """In which of its expectations a case is let down."""
    got = sorted([pair.instruction, pair.response] for pair in accepted)
    texts = [text for pair in accepted for text in pair.as_dict().values()]
    checks = {
        "pairs": case["pairs"] is None or got == sorted(case["pairs"]),
        "may": case["may"] is None or all(pair in case["may"] for pair in got),
        "absent": not any(absent in text for absent in case["absent"] for text in texts),
        "rejects": case["rejects"] is None or {reject.reason.value for reject in rejects} == set(case["rejects"]),
    }
    return [name for name, holds in checks.items() if not holds]


def _is_right(stages: IntakeStages, path: Path) -> bool:
    case = json.loads(path.read_text(encoding="utf-8"))
    return not faults_of(case, *intake(stages, [file for file in sorted(path.parent.iterdir()) if file != path]))
