"""Open WebUI's exports: `chat.history.messages` by id, of which `currentId` ends the branch that was kept."""

from collections.abc import Iterator
from typing import Any

from streams.reading.formats.messages.transcripts import read_messages
from streams.reading.formats.parts.fields import Record, first_of, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import Chat, Inner, LogFormat, Outcome
from streams.reading.formats.programs.branches import branch_to, left_aside
from streams.reading.sources.records import Message, Role


def matches(record: Record) -> bool:
    return _history(record) is not None or _rated(record) is not None


def _history(record: Record) -> Record | None:
    chat = record.get("chat") if isinstance(record.get("chat"), dict) else record
    history = mapping(mapping(chat).get("history"))
    return history if isinstance(history.get("messages"), dict) else None


def _rated(record: Record) -> Record | None:
    """The chat within an exported rating."""
    chat = mapping(record.get("snapshot")).get("chat")
    return chat if isinstance(chat, dict) and _history(chat) is not None else None


def read(record: Record) -> Iterator[Outcome]:
    if (rated := _rated(record)) is not None:
        yield Inner(rated)
        return
    chat, history = mapping(record.get("chat")) or record, _history(record) or {}
    nodes = {key: node for key, node in history["messages"].items() if isinstance(node, dict)}
    leaf = name_of(history, "currentId") or next(reversed(nodes), None)
    path = branch_to(leaf, nodes, lambda node: name_of(node, "parentId"))
    transcript = read_messages([_message(node) for node in path])
    system = first_of(mapping(chat.get("params")), "system") or chat.get("system")
    if isinstance(system, str) and system:
        transcript.messages.insert(0, Message(Role.SYSTEM, system))
    answers = [node for node in path if node.get("role") == "assistant"]
    models = chat.get("models")
    yield Chat(
        transcript.messages,
        name_of(record, "id"),
        time_of(answers[-1] if answers else {}, "timestamp") or time_of(record, "updated_at", "created_at"),
        name_of(answers[-1] if answers else {}, "model") or _first_text(models),
        name_of(record, "id"),
        name_of(record, "user_id"),
        transcript.tool_call,
        transcript.notes,
    )
    yield from left_aside(len(nodes) - len(path))


def _first_text(models: Any) -> str | None:
    return models[0] if isinstance(models, list) and models and isinstance(models[0], str) else None


def _message(node: Record) -> Record:
    parts: list[Any] = [node.get("content")]
    for file in node.get("files") or []:
        attached = mapping(file)
        text = mapping(mapping(attached.get("file")).get("data")).get("content")
        document = {"type": "document", "document": {"title": attached.get("name"), "text": text}}
        parts.append(document if isinstance(text, str) and text else {"type": "image"})
    item = {"role": node.get("role"), "content": parts if len(parts) > 1 else parts[0]}
    item |= {key: node[key] for key in ("annotation", "reasoning_content", "finish_reason") if node.get(key)}
    if node.get("error") or node.get("done") is False:
        item["finish_reason"] = "error" if node.get("error") else "not done"
    return item


FORMAT = LogFormat("open_webui", "Open WebUI's exports", matches, read, strict=True)
