"""Records that became no pair, as people look at them: where each stood, how it begins, and what helps."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from coachlm.errors import InputError
from coachlm.pairs import RejectReason

_PARTITION = re.compile(r"[A-Za-z0-9._-]+:\d+")
_HTTP = "http:"


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A stored reject."""

    source: str
    record: int
    part: int
    reason: RejectReason
    detail: str = ""
    format: str | None = None  # None: it was in none that is known
    excerpt: str | None = None  # None: stored before excerpts were kept

    @property
    def place(self) -> str:
        return place_of(self.source, self.record)

    @property
    def advice(self) -> str:
        return ADVICE[self.reason]


@dataclass(frozen=True, slots=True)
class RejectPage:
    """In order of sources, records and parts; `next` goes back as `after`, None: this is the last page."""

    rejects: tuple[RejectedRecord, ...]
    next: str | None


def place_of(source: str, record: int) -> str:
    """For people: a file's records (the lines of JSON lines that are not blank) from 1, a topic's by their offsets."""
    return f"{source}:{record + _first(source)}"


def read_place(place: str) -> tuple[str, int]:
    """Source and record of what `place_of` gives. Raises: InputError."""
    source, colon, number = place.rpartition(":")
    if not (colon and source and number.isascii() and number.isdigit() and len(number) < 19):
        raise InputError(f"{place!r} is no place; give it as FILE:RECORD, as `coachlm rejects list` writes it")
    record = int(number) - _first(source)
    if record < 0:
        raise InputError(f"{place!r}: records of a file count from 1; `coachlm rejects list` shows places")
    return source, record


def _first(source: str) -> int:
    """The number of a source's first record."""
    return 0 if _PARTITION.fullmatch(source) and not source.startswith(_HTTP) else 1


ADVICE: Mapping[RejectReason, str] = {
    RejectReason.MALFORMED_JSON: "The text isn't JSON. Mend the line (a writer may have cut it) and take the file in "
    "again; deeper nesting is allowed by COACHLM_MAX_NESTING.",
    RejectReason.MALFORMED_RECORD: "The record's shape is known, but a field of it isn't as expected. Mend the field "
    "that the detail names, or write the texts under the keys of docs/reference/formats.md.",
    RejectReason.UNKNOWN_SHAPE: "No log format has these keys. Rename them to those of a format in "
    "docs/reference/formats.md, or add a format (docs/how-to/add-a-log-format.md).",
    RejectReason.NOT_A_GENERATION: "Nothing to do: it isn't an answer of a language model.",
    RejectReason.NOT_CHOSEN: "Nothing to do, if it was left out on purpose; COACHLM_TURNS says which turns are taken.",
    RejectReason.ERROR_RESPONSE: "Nothing to do: the call failed, so that there is no answer to learn from.",
    RejectReason.UNFINISHED: "Nothing to do: half an answer teaches nothing. A higher token limit of the model "
    "gives whole ones.",
    RejectReason.REDACTED: "The logging tool took the text out. Switch its redaction off if you may.",
    RejectReason.TOOL_ONLY: "Nothing to do: the model called a tool and said nothing.",
    RejectReason.REFUSED: "Nothing to do: the provider refused the request.",
    RejectReason.NO_RESPONSE: "The log has the question alone. Log the answers too, or take in the file that has them.",
    RejectReason.EMPTY: "Where the detail names keys, the text may stand under one that no format reads: rename it. "
    "Else the log has no text there.",
    RejectReason.TOO_LONG: "Cut the record into several, or raise COACHLM_MAX_RECORD_BYTES.",
    RejectReason.UNMATCHED: "The other half was not in the files. Take both in with one command.",
    RejectReason.UNREADABLE: "The file is damaged here, or not in the encoding or format that its name says. Save it "
    "anew (UTF-8), or unpack it with the program that packed it.",
}
"""What whoever took the record in can do."""
