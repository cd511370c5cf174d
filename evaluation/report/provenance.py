"""What a figure was made of: data sets by name and digest, judges with their prompt and tokens, version and date."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from coachlm import __version__
from coachlm.pairs import InstructionPair


@dataclass(frozen=True, slots=True)
class SetFacts:
    """`sha256`: of the pairs' ids in their order, so that two writings of the same pairs have one digest."""

    name: str
    pairs: int
    sha256: str


def set_facts(name: str, pairs: Iterable[InstructionPair]) -> SetFacts:
    counter = SetDigest()
    for pair in pairs:
        counter.add(pair)
    return counter.facts(name)


class SetDigest:
    """Takes pairs one by one."""

    def __init__(self) -> None:
        self._digest, self._pairs = hashlib.sha256(), 0

    def add(self, pair: InstructionPair) -> None:
        self._digest.update(pair.id.encode() + b"\n")
        self._pairs += 1

    def facts(self, name: str) -> SetFacts:
        return SetFacts(name, self._pairs, self._digest.hexdigest())


def provenance(
    sets: Iterable[SetFacts], judges: Iterable[tuple[str, Any]] = (), prompt_version: int | None = None
) -> dict[str, Any]:
    """For JSON. `judges`: name → what was spent (a dataclass), None for one that costs nothing. `prompt_version`: of
    the judges that are asked here."""
    return {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "coachlm": __version__,
        "prompt_version": prompt_version,
        "sets": [asdict(each) for each in sets],
        "judges": [{"judge": name, "spending": spent and asdict(spent)} for name, spent in judges],
    }


def provenance_rows(found: dict[str, Any]) -> list[list[str]]:
    """For a page."""
    rows = [[f"set {each['name']}", f"{each['pairs']:,} pairs, sha256 {each['sha256']}"] for each in found["sets"]]
    for each in found["judges"]:
        spent = each["spending"]
        tokens = f"{spent['prompt_tokens']:,} + {spent['completion_tokens']:,} tokens" if spent else "no tokens"
        version = found["prompt_version"]
        asked = "recorded before" if version is None else f"prompt version {version}"
        rows.append([f"judge {each['judge']}", f"{asked}, {tokens}"])
    return [*rows, ["made", f"{found['created_at']} by CoachLM {found['coachlm']}"]]
