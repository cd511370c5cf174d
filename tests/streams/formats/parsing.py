"""Shorthands for tests of log formats."""

import json
from typing import Any

from coachlm.pairs import Position, Reject, RejectReason, SourcedPair
from streams.reading.formats import assemble, parse_record
from streams.reading.join import Joiner
from streams.reading.sources.records import Conversation, Fragment, Parsed, ParseOptions, RawRecord
from streams.reading.turns import conversation_pairs

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


def read(*records: Any) -> tuple[list[SourcedPair], list[Reject]]:
    """All that records of one file come to, as pairs of single turns and rejects."""
    joiner, outcomes = Joiner(1 << 26), []
    for number, record in enumerate(records):
        data = record if isinstance(record, bytes) else json.dumps(record).encode()
        outcomes += parse_record(RawRecord(Position("log.jsonl", number), data), ParseOptions())
    groups = [group for outcome in outcomes if isinstance(outcome, Fragment) for group in joiner.add(outcome)]
    for group in [*groups, *joiner.end_of_source("log.jsonl")]:
        outcomes += assemble(group)
    items: list[SourcedPair | Reject] = [outcome for outcome in outcomes if isinstance(outcome, Reject)]
    for outcome in outcomes:
        if isinstance(outcome, Conversation):
            items += conversation_pairs(outcome, "each", lambda texts: (list(texts), {}), str).items
    rejects = [item for item in items if isinstance(item, Reject)]
    return [item for item in items if isinstance(item, SourcedPair)], rejects + joiner.flush()


def pairs(*records: Any) -> list[tuple[str, str]]:
    """(instruction, response) of all pairs."""
    return [(item.pair.instruction, item.pair.response) for item in read(*records)[0]]


def texts(conversation: Conversation) -> list[tuple[str, str]]:
    return [(message.role.value, message.text) for message in conversation.messages]
