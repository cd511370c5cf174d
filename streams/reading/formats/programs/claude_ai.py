"""Claude's export (`conversations.json`): `chat_messages` with `sender`, attachments and typed content."""

from collections.abc import Iterator

from streams.reading.formats.messages.transcripts import read_messages
from streams.reading.formats.parts.fields import Record, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import Chat, LogFormat, Outcome, malformed
from streams.reading.formats.programs.branches import branch_to, left_aside


def matches(record: Record) -> bool:
    return isinstance(record.get("chat_messages"), list)


def read(record: Record) -> Iterator[Outcome]:
    items = record["chat_messages"]
    if not all(isinstance(item, dict) for item in items):
        raise malformed("chat_messages[]", items, "an array of messages")
    path = _kept(record, items)
    transcript = read_messages([_message(item) for item in path], "chat_messages")
    answers = [item for item in path if item.get("sender") == "assistant"]
    yield Chat(
        transcript.messages,
        name_of(record, "uuid"),
        time_of(answers[-1] if answers else {}, "created_at") or time_of(record, "updated_at", "created_at"),
        name_of(record, "model"),
        name_of(record, "uuid"),
        name_of(mapping(record.get("account")), "uuid"),
        transcript.tool_call,
        transcript.notes,
    )
    yield from left_aside(len(items) - len(path))


def _kept(record: Record, items: list[Record]) -> list[Record]:
    """The branch to the current leaf; all messages where the export tells of no branches."""
    nodes = {identity: item for item in items if (identity := name_of(item, "uuid"))}
    leaf = name_of(record, "current_leaf_message_uuid") or (name_of(items[-1], "uuid") if items else None)
    path = branch_to(leaf, nodes, lambda item: name_of(item, "parent_message_uuid"))
    linked = any(name_of(item, "parent_message_uuid") in nodes for item in items)
    return path if linked and path else items


def _message(item: Record) -> Record:
    content = item.get("content")
    parts = list(content) if isinstance(content, list) and content else [{"type": "text", "text": item.get("text")}]
    for attachment in item.get("attachments") or []:
        attached = mapping(attachment)
        document = {"title": attached.get("file_name"), "text": attached.get("extracted_content")}
        parts.append({"type": "document", "document": document})
    if item.get("files") or item.get("files_v2"):
        parts.append({"type": "file"})
    named = {key: item[key] for key in ("stop_reason", "truncated", "feedback", "chat_feedback") if item.get(key)}
    if "chat_feedback" in named:
        named["feedback"] = named.pop("chat_feedback")
    return {"role": item.get("sender"), "content": parts, **named}


FORMAT = LogFormat("claude_export", "Claude's export", matches, read, strict=True)
