"""Claude Code's transcripts: a line a message, joined by session; what the program itself writes is left out."""

from collections.abc import Iterator, Sequence

from coachlm.pairs import RejectReason
from streams.reading.formats.messages.content import read_content
from streams.reading.formats.messages.transcripts import read_messages
from streams.reading.formats.parts.fields import Record, mapping, name_of, time_of, words
from streams.reading.formats.parts.outcomes import Chat, EntryError, LogFormat, Outcome, Piece
from streams.reading.formats.programs.branches import left_aside
from streams.reading.sources.records import Fragment, Role

_SPOKEN = frozenset({"user", "assistant"})
_BOOKKEEPING = words(
    "summary system progress file-history-snapshot queue-operation attachment ai-title custom-title agent-name"
    " tag last-prompt mode pr-link permission-mode"
)
_COMMANDS = ("<command-name>", "<command-message>", "<local-command", "<bash-input>", "<bash-stdout>", "Caveat: The m")


def matches(record: Record) -> bool:
    kind = name_of(record, "type")
    if kind in _SPOKEN:
        return "sessionId" in record and "uuid" in record and isinstance(record.get("message"), dict)
    told = {"sessionId", "leafUuid", "snapshot"}
    return kind in _BOOKKEEPING and not record.keys().isdisjoint(told)


def read(record: Record) -> Iterator[Outcome]:
    if record.get("type") not in _SPOKEN or record.get("isMeta") is True or record.get("isCompactSummary") is True:
        raise EntryError(RejectReason.NOT_A_GENERATION, "a line of the program's own, no message")
    if record.get("isSidechain") is True:
        raise EntryError(RejectReason.NOT_A_GENERATION, "a message of a side chain, which no person asked")
    if record.get("isApiErrorMessage") is True:
        raise EntryError(RejectReason.ERROR_RESPONSE, "the call failed")
    session = name_of(record, "sessionId") or ""
    if record["type"] == "user" and _asked(record).lstrip().startswith(_COMMANDS):
        raise EntryError(RejectReason.NOT_A_GENERATION, "a command of the program, no message")
    yield Piece(session, "message", record)


def assemble(fragments: Sequence[Fragment]) -> Iterator[Outcome]:
    """A session's messages in their order; what followed a message that was edited later is a branch not followed."""
    records = [fragment.data for fragment in fragments]
    kept = _without_abandoned(records)
    transcript = read_messages([mapping(record.get("message")) for record in kept])
    last = next((record for record in reversed(kept) if record["type"] == "assistant"), records[-1])
    yield Chat(
        transcript.messages,
        fragments[0].key,
        time_of(last, "timestamp"),
        name_of(mapping(last.get("message")), "model"),
        fragments[0].key,
        tool_call=transcript.tool_call,
        notes=transcript.notes,
    )
    yield from left_aside(len(records) - len(kept))


def _asked(record: Record) -> str:
    return read_content(mapping(record.get("message")).get("content")).text(Role.USER)


def _without_abandoned(records: list[Record]) -> list[Record]:
    newest: dict[str, str] = {}  # parent → the last message that a user wrote below it
    for record in records:
        parent, identity = name_of(record, "parentUuid"), name_of(record, "uuid")
        if record["type"] == "user" and parent and identity and _asked(record).strip():
            newest[parent] = identity
    gone: set[str | None] = set()
    kept = []
    for record in records:
        parent, identity = name_of(record, "parentUuid"), name_of(record, "uuid")
        edited = record["type"] == "user" and parent in newest and newest[parent] != identity and _asked(record).strip()
        if edited or (parent is not None and parent in gone):
            gone.add(identity)
        else:
            kept.append(record)
    return kept


FORMAT = LogFormat("claude_code", "Claude Code's transcripts", matches, read, assemble, strict=True)
