"""Shorthands for tests of log formats."""

import json
from typing import Any

from coachlm.pairs import Position, Reject, RejectReason
from streams.reading.formats import assemble, parse_record
from streams.reading.sources.records import Conversation, Fragment, Parsed, ParseOptions, RawRecord

POSITION = Position("log.jsonl", 4)


def parse(value: Any, format: str | None = None) -> list[Parsed]:
    """What a record (bytes, or a value that is written as JSON first) comes to."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return parse_record(RawRecord(POSITION, data), ParseOptions(format=format))


def chats(value: Any, format: str | None = None) -> list[Conversation]:
    return [outcome for outcome in parse(value, format) if isinstance(outcome, Conversation)]


def chat(value: Any, format: str | None = None) -> Conversation:
    """The only outcome, which must be a conversation."""
    (outcome,) = parse(value, format)
    assert isinstance(outcome, Conversation), outcome
    return outcome


def reasons(value: Any, format: str | None = None) -> list[RejectReason]:
    return [outcome.reason for outcome in parse(value, format) if isinstance(outcome, Reject)]


def reason(value: Any, format: str | None = None) -> RejectReason:
    """The only outcome's, which must be a reject."""
    (outcome,) = parse(value, format)
    assert isinstance(outcome, Reject), outcome
    return outcome.reason


def join(records: list[Any]) -> list[Conversation | Reject]:
    """Records that are fragments, put together."""
    fragments: list[Fragment] = []
    for number, record in enumerate(records):
        raw = RawRecord(Position("log.jsonl", number), json.dumps(record).encode())
        (outcome,) = parse_record(raw, ParseOptions())
        assert isinstance(outcome, Fragment), outcome
        fragments.append(outcome)
    assert len({(fragment.format, fragment.key) for fragment in fragments}) == 1
    return assemble(fragments)


def texts(conversation: Conversation) -> list[tuple[str, str]]:
    return [(message.role.value, message.text) for message in conversation.messages]
