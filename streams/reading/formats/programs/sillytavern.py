"""SillyTavern's chats: a file a chat, a line a message (`name`, `is_user`, `mes`), a head in front."""

from collections.abc import Iterator, Sequence

from coachlm.pairs import RejectReason
from streams.reading.formats.messages.transcripts import read_messages
from streams.reading.formats.parts.fields import Record, mapping, name_of, parse_time
from streams.reading.formats.parts.outcomes import Chat, EntryError, LogFormat, Outcome, Piece
from streams.reading.sources.records import Fragment


def matches(record: Record) -> bool:
    if "mes" in record:
        return "is_user" in record
    return "character_name" in record and "user_name" in record


def read(record: Record) -> Iterator[Outcome]:
    if "mes" not in record:
        raise EntryError(RejectReason.NOT_A_GENERATION, "the head of a chat, no message")
    if record.get("is_system") is True:
        raise EntryError(RejectReason.NOT_CHOSEN, "a message that was hidden from the model")
    yield Piece("chat", "message", record)


def assemble(fragments: Sequence[Fragment]) -> Iterator[Outcome]:
    """A file's messages in their order; other versions of an answer are told by their number."""
    records = [fragment.data for fragment in fragments]
    transcript = read_messages([_message(record) for record in records])
    last = next((record for record in reversed(records) if not record.get("is_user")), records[-1])
    yield Chat(
        transcript.messages,
        timestamp=parse_time(last.get("send_date")),
        model=name_of(mapping(last.get("extra")), "model"),
        tool_call=transcript.tool_call,
        notes=transcript.notes,
    )
    swipes = (record.get("swipes") for record in records)
    if others := sum(len(versions) - 1 for versions in swipes if isinstance(versions, list) and versions):
        yield EntryError(RejectReason.NOT_CHOSEN, f"{others} other versions of answers")


def _message(record: Record) -> Record:
    extra = mapping(record.get("extra"))
    parts = [{"type": "text", "text": record.get("mes")}]
    if extra.get("image") or extra.get("media") or extra.get("file"):
        parts.append({"type": "image"})
    role = "user" if record.get("is_user") else "assistant"
    return {"role": role, "content": parts, "reasoning": extra.get("reasoning")}


FORMAT = LogFormat("sillytavern", "SillyTavern's chats", matches, read, assemble, strict=True)
