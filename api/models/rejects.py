"""Records that became no pair."""

from pydantic import Field

from api.models.base import Given, Text
from coachlm.pairs import RejectReason


class Reject(Given):
    """A record, or a part of one, that became no pair."""

    place: Text = Field(description="FILE:RECORD; records of a file count from 1, a topic's are its offsets.")
    source: Text
    record: int = Field(description="From 0, as positions are given everywhere.")
    part: int = Field(description="Tells apart what was rejected within one record.")
    reason: RejectReason
    detail: Text = ""
    format: Text | None = Field(default=None, description="Null: in no format that is known.")
    excerpt: Text | None = Field(
        default=None, description="How it begins, without personal data; null: stored before excerpts were kept."
    )
    advice: Text = Field(default="", description="What can be done.")


class Rejects(Given):
    """A page of rejects, in order of sources and records."""

    rejects: tuple[Reject, ...]
    next: str | None = Field(description="Give it as `after` for the next page; null: this is the last one.")
    counts: dict[RejectReason, int] | None = Field(
        default=None, description="How many there are for each reason in all; on the first page alone."
    )


class RecordRejects(Given):
    """All rejects of one record."""

    rejects: tuple[Reject, ...]
