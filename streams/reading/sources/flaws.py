"""What stands where a record should be: the words in which sources say that something can't be read."""

from dataclasses import dataclass

from coachlm.pairs import Position, Reject, RejectReason
from streams.reading.sources.excerpts import beginning

BEGIN_BYTES = 16_000


@dataclass(frozen=True, slots=True)
class Flaw:
    """A record that can't be cut out or decoded; becomes a Reject with the record's number."""

    reason: RejectReason
    detail: str  # never the record's text
    begin: bytes = b""  # of the record, as far as it was kept


class Unreadable(Exception):  # noqa: N818 - it ends a source early, which is no error of the program
    """The rest of a source can't be read; its text says why. Records before it stand, a half one is dropped."""


def too_long(what: str, max_bytes: int, begin: bytes = b"") -> Flaw:
    detail = f"{what} is longer than {max_bytes:,} bytes; COACHLM_MAX_RECORD_BYTES sets the limit"
    return Flaw(RejectReason.TOO_LONG, detail, begin[:BEGIN_BYTES])


def unreadable(detail: str, begin: bytes = b"") -> Flaw:
    return Flaw(RejectReason.UNREADABLE, detail, begin[:BEGIN_BYTES])


def malformed(detail: str, begin: bytes = b"") -> Flaw:
    return Flaw(RejectReason.MALFORMED_JSON, detail, begin[:BEGIN_BYTES])


def reject_of(flaw: Flaw, position: Position) -> Reject:
    excerpt = beginning(flaw.begin) if flaw.begin else ""
    return Reject(position, flaw.reason, flaw.detail, excerpt=excerpt)
