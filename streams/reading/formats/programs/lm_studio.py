"""LM Studio's chat files (`.conversation.json`): messages in versions, an answer in steps."""

from typing import Any

from streams.reading.formats.messages.transcripts import read_messages
from streams.reading.formats.parts.fields import Record, first_of, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import Chat, LogFormat
from streams.reading.sources.records import Message, Role


def matches(record: Record) -> bool:
    items = record.get("messages")
    return isinstance(items, list) and bool(items) and all("versions" in mapping(item) for item in items)


def read(record: Record) -> list[Chat]:
    versions = [_selected(item) for item in record["messages"]]
    transcript = read_messages([_message(version) for version in versions])
    if system := name_of(record, "systemPrompt") or _system(record):
        transcript.messages.insert(0, Message(Role.SYSTEM, system))
    models = [model for version in versions for step in _steps(version) if (model := _model(step))]
    return [
        Chat(
            transcript.messages,
            name_of(record, "id"),
            time_of(record, "assistantLastMessagedAt", "userLastMessagedAt", "createdAt"),
            models[-1] if models else name_of(mapping(record.get("lastUsedModel")), "identifier"),
            tool_call=transcript.tool_call,
            notes=transcript.notes,
        )
    ]


def _selected(item: Record) -> Record:
    versions = item.get("versions")
    chosen = item.get("currentlySelected")
    if not isinstance(versions, list) or not versions:
        return {}
    index = chosen if isinstance(chosen, int) and 0 <= chosen < len(versions) else -1
    return mapping(versions[index])


def _steps(version: Record) -> list[Record]:
    steps = version.get("steps")
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def _message(version: Record) -> Record:
    if version.get("type") != "multiStep" and "steps" not in version:
        return {"role": version.get("role"), "content": version.get("content")}
    parts: list[Any] = []
    finish: Any = None
    for step in _steps(version):
        parts += _parts(step)
        stats = mapping(mapping(step.get("genInfo")).get("stats"))
        finish = stats.get("stopReason") or finish
    return {"role": version.get("role"), "content": parts, "finish_reason": finish}


def _parts(step: Record) -> list[Any]:
    content = step.get("content")
    if step.get("type") != "contentBlock" or not isinstance(content, list):
        return [{"type": "tool-step"}] if str(step.get("type")).lower().startswith("tool") else []
    if mapping(step.get("style")).get("type") == "thinking":
        return [{"type": "reasoning", "text": mapping(part).get("text")} for part in content]
    return [{"type": "step-start"}, *content]


def _model(step: Record) -> str | None:
    return name_of(mapping(step.get("genInfo")), "identifier", "indexedModelIdentifier")


def _system(record: Record) -> str | None:
    fields = mapping(mapping(record.get("perChatPredictionConfig"))).get("fields")
    for field in fields if isinstance(fields, list) else []:
        if first_of(mapping(field), "key") == "llm.prediction.systemPrompt":
            return name_of(field, "value")
    return None


FORMAT = LogFormat("lm_studio", "LM Studio's chats", matches, read, strict=True)
