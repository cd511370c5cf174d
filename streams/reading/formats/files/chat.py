"""Chats as lists of messages: plain `messages[]`, and ShareGPT's `conversations[{from, value}]`.

Source: OpenAI's and Hugging Face's chat data sets; ShareGPT exports.
"""

import re
from typing import Any

from coachlm.text.user_text import split_user_text
from streams.reading.formats.parts.circumstances import fill
from streams.reading.formats.parts.content import Transcript, read_messages
from streams.reading.formats.parts.fields import Record, first_of, name_of
from streams.reading.formats.parts.outcomes import Chat, LogFormat, malformed
from streams.reading.sources.records import Message, Role

_MESSAGES = ("messages", "chat", "dialog", "dialogue", "turns")
_CONVERSATIONS = ("conversations", "conversation", "items")
_BUTTON = re.compile(r"\s*Share Prompt\s*\Z")  # a browser extension's button, scraped with the user's turn


def matches_messages(record: Record) -> bool:
    return not record.keys().isdisjoint(_MESSAGES) and any(_is_list(record.get(key)) for key in _MESSAGES)


def matches_sharegpt(record: Record) -> bool:
    if record.keys().isdisjoint(_CONVERSATIONS) or _is_list(record.get("messages")):
        return False
    return any(_is_list(record.get(key)) for key in _CONVERSATIONS)


def read(record: Record) -> list[Chat]:
    return [_chat(read_messages(first_of(record, *_MESSAGES)), record)]


def read_sharegpt(record: Record) -> list[Chat]:
    value = first_of(record, *_CONVERSATIONS)
    if isinstance(value, list) and value and isinstance(value[0], dict) and "human" in value[0]:
        transcript = _rounds(value)
    else:
        transcript = read_messages(value, "conversations")
    for index, message in enumerate(transcript.messages):
        if message.role is Role.USER and message.text.rstrip().endswith("Share Prompt"):
            text = _BUTTON.sub("", message.text)
            transcript.messages[index] = Message(Role.USER, text, multi_modal=message.multi_modal)
    return [_chat(transcript, record)]


def _is_list(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, str) and value.lstrip().startswith("["))


def _chat(transcript: Transcript, record: Record) -> Chat:
    messages = transcript.messages
    if system := name_of(record, "system", "system_prompt", "instructions"):
        messages.insert(0, Message(Role.SYSTEM, system))
    if isinstance(material := record.get("input"), str) and material.strip():
        _split_input(messages, material)
    own = "input" in record and type(record.get("turn")) is int  # our own export: a row for every turn
    return fill(Chat(messages, tool_call=transcript.tool_call, only_last=own), record)


def _split_input(messages: list[Message], material: str) -> None:
    """Undo what our own export does: the last user message holds the input, which the record repeats."""
    for index in reversed(range(len(messages))):
        message = messages[index]
        if message.role is Role.USER:
            instruction, found = split_user_text(message.text, material)
            messages[index] = Message(Role.USER, instruction, found, message.multi_modal)
            return


def _rounds(rounds: list[Any]) -> Transcript:
    """Rounds of the form `{human, assistant}`."""
    messages = []
    for item in rounds:
        for key, role in (("human", Role.USER), ("assistant", Role.ASSISTANT)):
            text = item.get(key) if isinstance(item, dict) else None
            if not isinstance(text, str):
                raise malformed(f"conversation[].{key}", text, "text")
            messages.append(Message(role, text))
    return Transcript(messages)


FORMAT = LogFormat("chat", "Plain chats: messages[]", matches_messages, read)
SHAREGPT = LogFormat("sharegpt", "ShareGPT: conversations[{from, value}]", matches_sharegpt, read_sharegpt)
