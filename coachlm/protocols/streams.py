"""What passes between a message broker, the stages that handle its messages and the store.

At-least-once on the wire, once in the database: a message is acknowledged after the transaction that holds all it came
to, and every write is idempotent, so that a message may come any number of times.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from coachlm.protocols.intake import IntakeBatch, IntakeCounts, Store
from coachlm.revision import Revision


class Topic(StrEnum):
    """The topics, without the prefix of the settings."""

    RAW = "logs.raw"  # records of any log format, as their writers wrote them
    ACCEPTED = "pairs.accepted"  # pairs that wait for the coach; key: pair id
    REVISED = "pairs.revised"  # what the coach made of them; key: pair id
    EXCLUDED = "pairs.excluded"  # pairs excluded at intake, with the reason; key: pair id
    DEAD = "pairs.dead"  # news of dead letters, without their bytes (which the database keeps)


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """A message as the broker gave it."""

    topic: str  # with its prefix
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None  # None: a tombstone
    headers: tuple[tuple[str, bytes | None], ...] = ()  # a name's bytes that are no UTF-8 are surrogate escapes
    timestamp_ms: int = 0  # of the broker or the producer; may lie in the future

    @property
    def source(self) -> str:
        """The `source` of a `Position` whose `record` is the offset."""
        return f"{self.topic}:{self.partition}"


class DeadReason(StrEnum):
    """Why a message can't be handled; it is kept for repair and replay."""

    UNREADABLE = "unreadable"  # no record that any log format reads: broken JSON, unknown shape, not text
    INCOMPLETE = "incomplete"  # half of a call whose other half isn't in the message
    TOO_LARGE = "too_large"  # longer than `max_record_bytes`, or than its topic takes
    WRONG_SCHEMA = "wrong_schema"  # not of our codec
    NEWER_VERSION = "newer_version"  # our codec, of a version that this program doesn't know
    FAILED = "failed"  # a stage raised on this message alone, again and again


UNPUBLISHED = -1
"""In the place of a partition."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up, with why; `error` never holds the message's text.

    An announcement that its topic doesn't take never got an offset: its partition is UNPUBLISHED, its offset the
    announcement's number.
    """

    message: StreamMessage
    reason: DeadReason
    error: str
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Announcement:
    """A row of the outbox: what is to be published because the transaction that wrote it holds.

    The body's fields, all of them given (docs/schemas has their types; some may be None):
    - ACCEPTED: pair, instruction, input, response, task_class, context (see `coachlm.context.context_record`),
      conversation, turn, provenance {format, source, record, part, model, language, timestamp}
    - REVISED: pair, instruction, input, response (as revised), outcome, engine, adapter, reason, flags [{kind, field,
      start, end, text}], prompt_tokens, output_tokens
    - EXCLUDED: pair, reason, detail
    - DEAD: dead_letter, topic, partition, offset, reason, error, tries
    """

    number: int
    topic: Topic
    key: str
    body: dict[str, Any]  # for the codec


Send = Callable[[Sequence[Announcement]], Sequence[DeadLetter] | None]
"""Publishes announcements; gives, as dead letters, those that no topic will ever take."""


class StreamStore(Store, Protocol):
    """A store that also keeps dead letters and an outbox; every call is one transaction and idempotent."""

    def commit_stream_intake(self, batch: IntakeBatch, dead: Sequence[DeadLetter]) -> IntakeCounts:
        """As `commit_intake`; with the dead letters, and an announcement of every pair that is new and not a copy."""
        ...

    def still_accepted(self, pair_ids: Iterable[str]) -> set[str]:
        """Those that wait for the coach: a repeated message costs no second revision."""
        ...

    def save_stream_revisions(self, revisions: Sequence[Revision], dead: Sequence[DeadLetter]) -> int:
        """As `save_revisions`; with the dead letters, and an announcement of every revision that is new."""
        ...

    def publish(self, limit: int, send: Send) -> int:
        """Hands the oldest announcements that no other relay has in hands to `send`, and deletes them once it has
        returned, keeping the dead letters that it gives; what it raises passes through and leaves them. Gives how
        many; 0: there are none."""
        ...

    def remember_topics(self, ids: Mapping[str, str]) -> dict[str, str]:
        """Keeps the broker's id of each topic, by its name, when it is first seen; gives those that had another id
        then, with that id."""
        ...

    def outbox_rows(self) -> int:
        """How many announcements wait to be published."""
        ...
