"""What an instructed coach teaches a tuned one: revisions of it that people left nearly as they were.

They are training data beside people's own and never among them: frozen in a file of their own, weighted, and named in
the run's record. What a tuned coach wrote is never taken, or it would learn its own mistakes.
"""

# See docs/decisions/0145-a-coach-by-instruction.md

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from coachlm.coaching.adapters import is_held_out
from coachlm.desk.dataset import DatasetRow
from coachlm.errors import TrainingError
from coachlm.instructing import coach_of
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome
from coachlm.status import Status
from coachlm.text.distance import pair_distance
from trainer.plan.revisions import ApprovedPairs, ExpertRevision, alpaca_pair, file_digest, read_records

NEARLY = 0.05
"""Characters that people may have changed, as a share of their text, in what counts as left alone."""


@dataclass(frozen=True, slots=True)
class Taught:
    """A revision that a coach made and people approved."""

    raw: InstructionPair
    revised: InstructionPair  # by the coach
    final: InstructionPair | None  # by the people
    adapter: str | None  # what made it


@dataclass(frozen=True, slots=True)
class Teacher:
    """Where an instructed coach's revisions come from, and how much they count beside people's own."""

    name: str  # for the record
    revisions: Callable[[], Iterable[Taught]]
    weight: float = 0.5  # of the loss; people's own have 1
    nearly: float = NEARLY

    def __post_init__(self) -> None:
        """Raises: TrainingError."""
        if not 0 < self.weight <= 1:
            raise TrainingError(f"the teacher's weight is {self.weight}; it must be above 0 and at most 1")


@dataclass(frozen=True, slots=True)
class Lessons:
    """What a run took from its teacher."""

    source: str
    weight: float
    taken: int
    rejects: dict[str, int]
    digest: str  # sha256 of the frozen file

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def database_teacher(store: ApprovedPairs, weight: float, held_out_share: float = 0.0) -> Teacher:
    """Approved pairs whose revision an instructed coach made; what is held out for the gate is not among them."""

    def revisions() -> Iterator[Taught]:
        for row in store.dataset_rows(statuses=[Status.APPROVED]):
            if row.revision is not None and not is_held_out(row.pair_id, held_out_share):
                yield Taught(row.raw, row.revision.revised, row.final, row.revision.adapter)

    return Teacher("instructed coach's revisions in the database", revisions, weight)


def file_teacher(path: Path, weight: float) -> Teacher:
    """JSON lines or one array: `raw`, `revised` and `final` as Alpaca records, and `adapter`, which says who revised.

    Raises: TrainingError.
    """

    def revisions() -> Iterator[Taught]:
        for record in read_records(path):
            found = record if isinstance(record, dict) else {}
            raw, revised = alpaca_pair(found.get("raw")), alpaca_pair(found.get("revised"))
            if raw is None or revised is None:
                raise TrainingError(f"{path} holds a record without `raw` and `revised`; a teacher's has both")
            yield Taught(raw, revised, alpaca_pair(found.get("final")), found.get("adapter"))

    return Teacher(f"{path.name} (sha256:{file_digest(path)})", revisions, weight)


def is_taught(row: DatasetRow) -> bool:
    """Whether an approved pair is the teacher's rather than people's own."""
    made = row.revision
    if made is None or made.outcome is not Outcome.REVISED:
        return False
    return _refusal(Taught(row.raw, made.revised, row.final, made.adapter), NEARLY) is None


def freeze_lessons(teacher: Teacher, people: Iterable[ExpertRevision], path: Path) -> Lessons:
    """Write what is taken, one JSON line each; what people revised themselves is theirs."""
    known = {each.raw.id for each in people}
    rejects: Counter[str] = Counter()
    digest, taken = hashlib.sha256(), 0
    with path.open("wb") as file:
        for each in teacher.revisions():
            reason = "by_people_too" if each.raw.id in known else _refusal(each, teacher.nearly)
            if reason is not None or each.final is None:
                rejects[reason or "no_final_text"] += 1
                continue
            known.add(each.raw.id)
            texts = [[pair.instruction, pair.input, pair.response] for pair in (each.raw, each.final)]
            line = orjson.dumps({"raw": texts[0], "revised": texts[1]}, option=orjson.OPT_APPEND_NEWLINE)
            file.write(line)
            digest.update(line)
            taken += 1
    return Lessons(teacher.name, teacher.weight, taken, dict(rejects), digest.hexdigest())


def _refusal(each: Taught, nearly: float) -> str | None:
    """Why a revision teaches nothing; None: it does."""
    if coach_of(each.adapter) != "instructed":
        return "not_by_an_instructed_coach"
    if each.final is None:
        return "no_final_text"
    if each.revised.id == each.raw.id:
        return "unchanged"
    size = len(each.final.instruction) + len(each.final.input) + len(each.final.response)
    return "edited_by_people" if pair_distance(each.revised, each.final) > nearly * size else None
