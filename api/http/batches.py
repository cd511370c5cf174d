"""A batch of records on its way through the log door, and what its senders are told."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import xxhash

from api.http.metrics import Metrics
from api.http.problems import RefusedError
from api.http.services import Services
from coachlm.desk.work import Person
from coachlm.pairs import RejectReason
from coachlm.protocols.doors import LineVerdict, LogDoor

UNREAD = frozenset(
    {
        RejectReason.MALFORMED_JSON.value,
        RejectReason.MALFORMED_RECORD.value,
        RejectReason.UNKNOWN_SHAPE.value,
        RejectReason.TOO_LONG.value,
        RejectReason.UNREADABLE.value,
    }
)
"""Why a record can't be read at all; with every other reason it was read, and is no pair."""
_REASONS = frozenset(reason.value for reason in RejectReason)
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class Batch:
    """The verdicts by line."""

    verdicts: dict[int, LineVerdict] = field(default_factory=dict)

    @property
    def ok(self) -> int:
        return sum(verdict.ok for verdict in self.verdicts.values())

    def reasons(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for verdict in self.verdicts.values():
            found.update(verdict.rejects or ([] if verdict.ok else [reason_of(verdict)]))
        return found


def store(services: Services, metrics: Metrics, sender: str, lines: Sequence[bytes]) -> Batch:
    """All lines, with what they came to durable; the same lines of the same sender may come any number of times.

    Raises: RefusedError; StoreError, StreamError.
    """
    batch = Batch()
    if not lines:
        return batch
    door = log_door(services)
    digest = xxhash.xxh3_128()
    for line in lines:
        digest.update(line)
        digest.update(b"\n")
    for verdict in door.accept(lines, None, f"{sender}.{digest.hexdigest()}"):
        batch.verdicts[verdict.line] = verdict
    metrics.note_lines(batch.ok, len(batch.verdicts) - batch.ok)
    return batch


def log_door(services: Services) -> LogDoor:
    """Raises: RefusedError."""
    if services.log_door is None:
        raise RefusedError(501, "no_intake", "this service takes no logs; use `coachlm ingest` or `coachlm stream`")
    return services.log_door


def sender_name(who: Person, kind: str) -> str:
    """What positions are called after: two senders may send the same."""
    return f"{_NOT_IN_IDS.sub('_', who.name)[:60]}-{who.id}.{kind}"


def unread(verdict: LineVerdict, entries: int) -> int:
    """How many of a line's entries can't be read; where the door doesn't say, and no entry was taken, all or none."""
    if verdict.rejects:
        return min(entries, sum(count for reason, count in verdict.rejects.items() if reason in UNREAD))
    refused = not verdict.ok and (reason_of(verdict) in UNREAD or reason_of(verdict) not in _REASONS)
    return entries if refused else 0


def reason_of(verdict: LineVerdict) -> str:
    return verdict.reason.partition(":")[0]


def in_words(reasons: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons)
