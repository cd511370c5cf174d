"""Azure API Management's log of language models: rows of one call share a correlation id and are numbered.

Source: Azure Monitor reference, `ApiManagementGatewayLlmLog`; "Log token usage, prompts, and completions for LLM APIs".
"""

from collections.abc import Iterator, Sequence
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.exchanges.exchange import read_response
from streams.reading.formats.messages.replies import answered
from streams.reading.formats.messages.transcripts import read_messages
from streams.reading.formats.parts.decoding import decode_text
from streams.reading.formats.parts.fields import Record, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import Chat, EntryError, LogFormat, Outcome, Piece
from streams.reading.sources.records import Fragment

_TEXTS = frozenset({"requestmessages", "responsemessages"})


def _row(record: Record) -> Record:
    """The row's columns in small letters: as a table has them, or under `properties` as storage accounts get them."""
    inner = record.get("properties")
    columns = {**record, **inner} if isinstance(inner, dict) else record
    return {str(key).lower(): value for key, value in columns.items()}


def matches(record: Record) -> bool:
    if record.get("category") == "GatewayLlmLogs":
        return True
    named = record.keys() | (record["properties"].keys() if isinstance(record.get("properties"), dict) else set())
    return any(isinstance(key, str) and key.lower() in _TEXTS for key in named)


def read(record: Record) -> Iterator[Outcome]:
    row = _row(record)
    if not any(row.get(key) for key in _TEXTS):
        raise EntryError(RejectReason.EMPTY, "the messages were not recorded")
    key = name_of(row, "correlationid", "requestid")
    if key is None:
        raise EntryError(RejectReason.UNMATCHED, "a row without a correlation id")
    yield Piece(key, "message", row)


def assemble(fragments: Sequence[Fragment]) -> Iterator[Outcome]:
    """The messages of all rows, in the order of their numbers."""
    rows = sorted((fragment.data for fragment in fragments), key=lambda row: _number(row.get("sequencenumber")))
    asked = _together([row.get("requestmessages") for row in rows])
    said = _together([row.get("responsemessages") for row in rows])
    if not asked or not said:
        missing = "request" if said else "response"
        raise EntryError(RejectReason.UNMATCHED if said else RejectReason.NO_RESPONSE, f"no row holds the {missing}")
    reply = read_response([{"role": "assistant", **message} for message in said])
    reply.id, reply.created = fragments[0].key, time_of(rows[-1], "timegenerated", "time")
    reply.model = name_of(rows[-1], "modelname", "deploymentname")
    for outcome in answered(read_messages(asked, "RequestMessages"), reply):
        if isinstance(outcome, Chat):
            outcome.user_id = name_of(rows[-1], "apimsubscriptionid")
        yield outcome


def _number(value: Any) -> int:
    return value if isinstance(value, int) else int(value) if isinstance(value, str) and value.isdecimal() else 0


def _together(values: list[Any]) -> list[Record]:
    """Messages of several rows; a long one, or the JSON text of all, may be cut between two rows."""
    given = [value for value in values if value]
    if len(given) > 1 and all(isinstance(value, str) and not isinstance(decode_text(value), list) for value in given):
        given = ["".join(given)]
    messages: list[Record] = []
    for value in given:
        found = decode_text(value) if isinstance(value, str) else value
        items = found if isinstance(found, list) else [found]
        further = [mapping(item) or {"content": item} for item in items]
        last, first = (messages[-1], further[0]) if messages and further else ({}, {})
        same = last.get("role") == first.get("role") and last.get("index") == first.get("index")
        if last and same and isinstance(last.get("content"), str) and isinstance(first.get("content"), str):
            messages[-1] = {**last, **first, "content": last["content"] + first["content"]}
            further = further[1:]
        messages += further
    return messages


FORMAT = LogFormat("azure_apim", "Azure API Management's log of language models", matches, read, assemble, strict=True)
