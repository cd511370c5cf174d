"""LibreChat's exports: messages with `isCreatedByUser`, nested by `children` or linked by `parentMessageId`."""

from collections.abc import Iterator
from typing import Any

from streams.reading.formats.messages.transcripts import read_messages
from streams.reading.formats.parts.fields import Record, first_of, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import Chat, LogFormat, Outcome
from streams.reading.formats.programs.branches import branch_to, left_aside, newest_branch
from streams.reading.sources.records import Message, Role


def matches(record: Record) -> bool:
    items = first_of(record, "messages", "messagesTree")
    return isinstance(items, list) and bool(items) and all("isCreatedByUser" in mapping(item) for item in items)


def read(record: Record) -> Iterator[Outcome]:
    items = first_of(record, "messages", "messagesTree")
    everything = list(_all(items))
    path = _kept(items, everything)
    transcript = read_messages([_message(item) for item in path])
    options = mapping(record.get("options"))
    if system := name_of(options, "promptPrefix", "system", "instructions") or name_of(record, "promptPrefix"):
        transcript.messages.insert(0, Message(Role.SYSTEM, system))
    answers = [item for item in path if item.get("isCreatedByUser") is False]
    last = answers[-1] if answers else {}
    yield Chat(
        transcript.messages,
        name_of(record, "conversationId"),
        time_of(last, "createdAt", "updatedAt") or time_of(record, "exportAt"),
        name_of(last, "model") or name_of(options, "model"),
        name_of(record, "conversationId"),
        name_of(record, "user"),
        transcript.tool_call,
        transcript.notes,
    )
    yield from left_aside(len(everything) - len(path))


def _children(item: Record) -> list[Record]:
    children = item.get("children")
    return [child for child in children if isinstance(child, dict)] if isinstance(children, list) else []


def _all(items: list[Any]) -> Iterator[Record]:
    level = [item for item in items if isinstance(item, dict)]
    while level:
        yield from level
        level = [child for item in level for child in _children(item)]


def _kept(items: list[Record], everything: list[Record]) -> list[Record]:
    if any(_children(item) for item in items):
        return newest_branch(items, _children)
    nodes = {identity: item for item in everything if (identity := name_of(item, "messageId"))}
    if not any(name_of(item, "parentMessageId") in nodes for item in everything):
        return everything
    return branch_to(name_of(everything[-1], "messageId"), nodes, lambda item: name_of(item, "parentMessageId"))


def _message(item: Record) -> Record:
    content = item.get("content")
    parts = content if isinstance(content, list) and content else [{"type": "text", "text": item.get("text")}]
    if item.get("files"):
        parts = [*parts, {"type": "file"}]
    message = {"role": "user" if item.get("isCreatedByUser") else "assistant", "content": parts}
    message |= {key: item[key] for key in ("feedback", "finish_reason") if item.get(key)}
    if item.get("error") is True or item.get("unfinished") is True:
        message["finish_reason"] = "error" if item.get("error") else "unfinished"
    return message


FORMAT = LogFormat("librechat", "LibreChat's exports", matches, read, strict=True)
