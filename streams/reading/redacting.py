"""Personal data is replaced in a conversation's texts, all at once, before anything is cut."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from coachlm.context import ToolCall
from streams.reading.remarks import texts_of, with_texts
from streams.reading.sources.records import Conversation, Message

Redact = Callable[[Sequence[str]], tuple[list[str], dict[str, int]]]
"""The texts of one conversation, in the same order without personal data, and how often each kind was replaced."""

_SURROGATES = re.compile("[\ud800-\udfff]")


def redacted(conversation: Conversation, redact: Redact) -> tuple[Conversation, dict[str, int]]:
    """The conversation without personal data in its texts, names and extra; a source id that holds any is dropped."""
    remarks = _remarks(conversation)
    source_id = storable(conversation.source_id or "")
    found, counts = redact(texts_of_conversation(conversation))
    *others, kept_id = found
    parts = iter(others)
    messages = tuple(_with_texts(message, parts) for message in conversation.messages)
    tools = tuple(next(parts) for _ in conversation.tools)
    documents = tuple(next(parts) for _ in conversation.documents)
    extra = {**conversation.extra, **dict(zip(remarks, parts, strict=True))}
    kept = source_id if kept_id == source_id else None
    changes = {"messages": messages, "tools": tools, "documents": documents, "extra": extra, "source_id": kept or None}
    return replace(conversation, **changes), counts


def texts_of_conversation(conversation: Conversation) -> list[str]:
    """All that is looked through, in the order of `redacted`: messages, tools, documents, remarks, the source's id."""
    texts = [text for message in conversation.messages for text in _texts(message)]
    names = (*conversation.tools, *conversation.documents, *_remarks(conversation).values())
    return [*map(storable, (*texts, *names)), storable(conversation.source_id or "")]


def _remarks(conversation: Conversation) -> dict[str, str]:
    return {name: value for name, value in conversation.extra.items() if isinstance(value, str)}


def storable(text: str) -> str:
    """Text that encodes as UTF-8 and that PostgreSQL takes."""
    if "\0" in text:
        text = text.replace("\0", "")
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def _texts(message: Message) -> list[str]:
    calls = [text for call in message.calls for text in (call.name, call.arguments)]
    return [*texts_of(message), message.name, *calls]


def _with_texts(message: Message, parts: Iterator[str]) -> Message:
    message = with_texts(message, parts)
    name = next(parts)
    calls = tuple(ToolCall(next(parts), next(parts)) for _ in message.calls)
    same = (name, calls) == (message.name, message.calls)
    return message if same else replace(message, name=name, calls=calls)
