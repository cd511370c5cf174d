"""What stands where a record should be: the words in which sources say that something can't be read."""

from dataclasses import dataclass

from coachlm.pairs import RejectReason


@dataclass(frozen=True, slots=True)
class Flaw:
    """A record that can't be cut out or decoded; becomes a Reject with the record's number."""

    reason: RejectReason
    detail: str  # never the record's text


class Unreadable(Exception):  # noqa: N818 - it ends a source early, which is no error of the program
    """The rest of a source can't be read; its text says why. Records before it stand, a half one is dropped."""


def too_long(what: str, max_bytes: int) -> Flaw:
    return Flaw(
        RejectReason.TOO_LONG, f"{what} is longer than {max_bytes:,} bytes; COACHLM_MAX_RECORD_BYTES sets the limit"
    )


def unreadable(detail: str) -> Flaw:
    return Flaw(RejectReason.UNREADABLE, detail)


def malformed(detail: str) -> Flaw:
    return Flaw(RejectReason.MALFORMED_JSON, detail)
