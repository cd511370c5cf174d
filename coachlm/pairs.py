"""The instruction pair, where it came from, and what intake decided about it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from coachlm.context import Context
from coachlm.digests import content_hash, normalise_text

__all__ = [
    "ExcludeReason",
    "Exclusion",
    "InstructionPair",
    "Position",
    "Provenance",
    "Reject",
    "RejectReason",
    "SourcedPair",
    "TaskClass",
    "content_hash",
    "normalise_text",
]


@dataclass(frozen=True)
class InstructionPair:
    """What a user asked and what a model answered.

    `input` is the material that the instruction works on (Alpaca's `input`); empty when there is none. What was said
    before stands in the `context`, which is no text of the pair: two pairs are equal when their three texts are. Text
    is NFC-agnostic: nothing is normalised here, see `id`.

    Source: paper §I, Fig. 1; Stanford Alpaca's record.
    """

    instruction: str
    input: str
    response: str
    context: Context | None = field(default=None, compare=False, repr=False)

    @cached_property
    def id(self) -> str:
        """xxh3-128 of the normalised triple and, where there is one, of the context's digest, 32 hex digits: the same
        text in the same context has the same id everywhere, for ever.

        Normalised means: outer white space stripped, CRLF and CR written as LF. Lone surrogates count as themselves.
        """
        return content_hash(*self.texts, self.context.digest) if self.context else content_hash(*self.texts)

    @property
    def texts(self) -> tuple[str, str, str]:
        return self.instruction, self.input, self.response

    @property
    def known_text(self) -> str:
        """All that was said in the pair and before it."""
        return "\n".join((*self.texts, self.context.text) if self.context else self.texts)

    def says_the_same(self, other: "InstructionPair") -> bool:
        """Whether the texts are the same by content, whatever the contexts."""
        return all(normalise_text(a) == normalise_text(b) for a, b in zip(self.texts, other.texts, strict=True))

    def within(self, context: Context | None) -> "InstructionPair":
        """The same texts in this context."""
        return replace(self, context=context or None)

    def as_dict(self) -> dict[str, str]:
        """Alpaca's record: `instruction`, `input`, `output`."""
        return {"instruction": self.instruction, "input": self.input, "output": self.response}


class TaskClass(StrEnum):
    """Which unit of annotators revises a pair. Source: paper §II-E2."""

    LANGUAGE_TASK = "language_task"  # objective answers: extraction, correction, summarising, classification
    QA = "qa"  # questions, dialogue, suggestions, in-domain answers
    CREATIVE = "creative"  # stories, copywriting, poems


@dataclass(frozen=True, slots=True)
class Position:
    """Where a record stood. `source` is a path as given (or `-`, or `topic:partition`); `record` counts from 0;
    `part` tells apart several pairs of one record (turns of a conversation), from 0."""

    source: str
    record: int
    part: int = 0


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a pair came from and under which circumstances; never a raw user id, address or user agent."""

    position: Position
    format: str  # name of the log format that was detected, e.g. `openai_chat`
    source_id: str | None = None  # the record's own id, if it had one
    timestamp: datetime | None = None  # when the model answered, UTC
    model: str | None = None
    system_prompt: str | None = None
    session_hash: str | None = None  # salted hash
    user_hash: str | None = None  # salted hash
    language: str | None = None  # ISO 639-1, filled by intake
    extra: dict[str, Any] = field(default_factory=dict)  # small, JSON-serialisable, without personal data
    conversation: str | None = None  # the same for all turns of a conversation; None: a single exchange
    turn: int | None = None  # which exchange of the conversation, from 1


@dataclass(frozen=True, slots=True)
class SourcedPair:
    """A pair with its provenance: what parsing yields and every later stage takes."""

    pair: InstructionPair
    provenance: Provenance

    def with_pair(self, pair: InstructionPair) -> "SourcedPair":
        return replace(self, pair=pair)


class RejectReason(StrEnum):
    """Why a record became no pair at all. Stored with the record's position and an excerpt free of personal data."""

    MALFORMED_JSON = "malformed_json"  # not JSON, or nested deeper than `max_nesting`
    MALFORMED_RECORD = "malformed_record"  # the shape is known, a field has the wrong type
    UNKNOWN_SHAPE = "unknown_shape"  # no log format has such keys
    NOT_A_GENERATION = "not_a_generation"  # spans of tools, embeddings, chains; image or audio calls
    NOT_CHOSEN = "not_chosen"  # a branch or turn that the options leave out (lower-ranked branch of a tree)
    ERROR_RESPONSE = "error_response"  # an error instead of an answer: a status from 400, a failed run
    UNFINISHED = "unfinished"  # `finish_reason` says the answer was cut: by length, by a filter, by a lost stream
    REDACTED = "redacted"  # a whole text is a mark such as `[redacted]`
    TOOL_ONLY = "tool_only"  # the answer is a tool call without text
    REFUSED = "refused"  # the provider's `refusal` field
    NO_RESPONSE = "no_response"  # a prompt without an answer
    EMPTY = "empty"  # a blank record, question or answer
    TOO_LONG = "too_long"  # more bytes than `max_record_bytes`
    UNMATCHED = "unmatched"  # half of a batch or stream whose other half never came
    UNREADABLE = "unreadable"  # not text, broken compression, a row the file's library can't decode


@dataclass(frozen=True, slots=True)
class Reject:
    """A record, or a part of one, that became no pair: where it stood, why, and how it begins."""

    position: Position
    reason: RejectReason
    detail: str = ""  # what was wrong, for people, in at most 200 characters; never contains the record's text
    format: str | None = None
    excerpt: str = ""  # how it begins: at most 500 characters, without personal data once intake is done with it


class ExcludeReason(StrEnum):
    """Why the preliminary filter excluded a pair. Source: paper Table III; the last five are ours."""

    INVALID_INPUT = "invalid_input"  # the key content of the instruction is invalid or missing
    BEYOND_EXPERTISE = "beyond_expertise"  # overly professional scenes
    MASSIVE_WORKLOAD = "massive_workload"  # poems or lyrics that need massive rewriting
    MULTI_MODAL = "multi_modal"  # image, video and audio
    SAFETY = "safety"  # toxic, copyrighted or sensitive content
    REFUSAL = "refusal"  # the answer is "As an AI language model…" without content
    LANGUAGE = "language"  # outside the configured languages
    TOO_SHORT = "too_short"  # fewer characters than the settings ask for
    TOO_LONG = "too_long"  # more characters than `max_pair_chars`
    MARKED_BAD = "marked_bad"  # the log itself says that the answer is bad: a thumbs down, a weight of 0
    MANUAL = "manual"  # a person excluded it by hand


@dataclass(frozen=True, slots=True)
class Exclusion:
    """The filter's decision to exclude a pair; the pair itself is stored and exportable."""

    reason: ExcludeReason
    detail: str = ""  # which rule fired, e.g. `placeholder: [link to`
