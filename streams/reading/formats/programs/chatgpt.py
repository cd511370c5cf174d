"""ChatGPT's export (`conversations.json`): a tree of messages, of which `current_node` ends the branch that was kept.

Source: OpenAI, "How do I export my ChatGPT history"; the export's own shape.
"""

from collections.abc import Iterator
from typing import Any

from streams.reading.formats.messages.content import read_content
from streams.reading.formats.messages.transcripts import Transcript, read_messages
from streams.reading.formats.parts.fields import Record, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import Chat, LogFormat, Outcome, malformed
from streams.reading.formats.programs.branches import branch_to, left_aside, newest_branch
from streams.reading.sources.records import Message, Role

_THOUGHTS = frozenset({"thoughts", "reasoning_recap"})
_TOOLS = frozenset(
    {"code", "execution_output", "tether_browsing_display", "tether_quote", "computer_output", "sonic_webpage"}
)


def matches(record: Record) -> bool:
    return isinstance(record.get("mapping"), dict) and not record.keys().isdisjoint(
        {"current_node", "conversation_id", "create_time", "title"}
    )


def read(record: Record) -> Iterator[Outcome]:
    nodes = {key: node for key, node in record["mapping"].items() if isinstance(node, dict)}
    path = branch_to(name_of(record, "current_node"), nodes, lambda node: name_of(node, "parent"))
    if not path:
        roots = [node for node in nodes.values() if name_of(node, "parent") not in nodes]
        path = newest_branch(roots, lambda node: [nodes[c] for c in _children(node) if c in nodes])
    spoken = [node["message"] for node in path if isinstance(node.get("message"), dict)]
    transcript = Transcript()
    for message in spoken:
        _add(transcript, message)
    answers = [message for message in spoken if mapping(message.get("author")).get("role") == "assistant"]
    last = answers[-1] if answers else {}
    yield Chat(
        transcript.messages,
        name_of(record, "conversation_id", "id"),
        time_of(last, "create_time") or time_of(record, "update_time", "create_time"),
        name_of(mapping(last.get("metadata")), "model_slug") or name_of(record, "default_model_slug"),
        name_of(record, "conversation_id", "id"),
        tool_call=transcript.tool_call,
        notes=transcript.notes,
    )
    everywhere = sum(_is_spoken(node.get("message")) for node in nodes.values())
    yield from left_aside(everywhere - sum(map(_is_spoken, spoken)))


def _children(node: Record) -> list[str]:
    children = node.get("children")
    if not isinstance(children, list):
        raise malformed("children", children, "an array")
    return [child for child in children if isinstance(child, str)]


def _is_spoken(message: Any) -> bool:
    return mapping(mapping(message).get("author")).get("role") in ("user", "assistant")


def _add(transcript: Transcript, message: Record) -> None:
    content, metadata = mapping(message.get("content")), mapping(message.get("metadata"))
    kind = name_of(content, "content_type")
    if kind == "user_editable_context" or metadata.get("is_user_system_message"):
        _add_custom_instructions(transcript, content, metadata)
    elif metadata.get("is_visually_hidden_from_conversation"):
        return
    elif kind in _THOUGHTS:
        transcript.thoughts += [text for text in map(_thought, content.get("thoughts") or []) if text]
    elif kind in _TOOLS or message.get("recipient") not in (None, "all", "final"):
        role = mapping(message.get("author")).get("role")
        item: Record = {"role": "function_call"} if role == "assistant" else {"role": "tool", "content": _text(content)}
        _take(transcript, item)
    else:
        _take(transcript, _item(message, content, metadata))


def _item(message: Record, content: Record, metadata: Record) -> Record:
    item: Record = {"role": mapping(message.get("author")).get("role"), "content": content.get("parts") or content}
    if finish := metadata.get("finish_details"):
        item["finish_details"] = finish
    elif message.get("status") == "in_progress":
        item["finish_reason"] = "in_progress"
    return item


def _add_custom_instructions(transcript: Transcript, content: Record, metadata: Record) -> None:
    told = mapping(metadata.get("user_context_message_data"))
    texts = [told.get(key) for key in ("about_user_message", "about_model_message")]
    texts = [text for text in texts if isinstance(text, str) and text] or [
        text for key in ("user_profile", "user_instructions") if isinstance(text := content.get(key), str) and text
    ]
    if texts:
        transcript.add(Message(Role.SYSTEM, "\n\n".join(texts)))


def _take(transcript: Transcript, item: Record) -> None:
    read = read_messages([item])
    for message in read.messages:
        transcript.add(message)
    transcript.notes += read.notes
    transcript.thoughts += read.thoughts
    transcript.tool_call |= read.tool_call


def _thought(item: Any) -> str:
    record = mapping(item)
    return name_of(record, "content", "summary") or ""


def _text(content: Record) -> str:
    text = content.get("text") or content.get("result")
    return text if isinstance(text, str) else read_content(content.get("parts")).text(Role.TOOL)


FORMAT = LogFormat("chatgpt_export", "ChatGPT's export", matches, read, strict=True)
