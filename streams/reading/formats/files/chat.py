"""Chats as lists of messages: plain `messages[]`, and ShareGPT's `conversations[{from, value}]`; rounds of question and
answer; texts that take turns.

Source: OpenAI's and Hugging Face's chat data sets; ShareGPT exports; Capybara (`input`, `output`), UltraChat (`data`).
"""

import re
from dataclasses import replace
from typing import Any

from coachlm.text.user_text import split_user_text
from streams.reading.formats.messages.circumstances import fill
from streams.reading.formats.messages.media import mark_media
from streams.reading.formats.messages.tool_calls import tool_names
from streams.reading.formats.messages.transcripts import Transcript, read_messages
from streams.reading.formats.parts.decoding import decode_text
from streams.reading.formats.parts.fields import Record, name_of
from streams.reading.formats.parts.outcomes import Chat, LogFormat, malformed
from streams.reading.sources.records import Message, Role

MESSAGES = ("messages", "chat", "dialog", "dialogue", "turns")
CONVERSATIONS = ("conversations", "conversation", "items")
_ASKED = ("human", "input", "user", "question", "prompt", "instruction", "query")
_ANSWERED = ("assistant", "output", "bot", "answer", "response", "completion", "gpt", "ai", "model")
_BUTTON = re.compile(r"(?<!\s)\s*+Share Prompt\s*+\Z")  # a browser extension's button, scraped with the user's turn


def matches_messages(record: Record) -> bool:
    return not record.keys().isdisjoint(MESSAGES) and any(_is_list(record.get(key)) for key in MESSAGES)


def matches_sharegpt(record: Record) -> bool:
    if record.keys().isdisjoint(CONVERSATIONS) or _is_list(record.get("messages")):
        return False
    return any(_is_list(record.get(key)) for key in CONVERSATIONS)


def matches_taking_turns(record: Record) -> bool:
    """UltraChat's `data`: question, answer, question, …"""
    data = record.get("data")
    return isinstance(data, list) and len(data) > 1 and all(isinstance(text, str) for text in data)


def read(record: Record) -> list[Chat]:
    key = next((key for key in MESSAGES if _is_list(record.get(key))), _named(record, MESSAGES))
    return [chat_of(read_turns(record.get(key), key), record)]


def read_taking_turns(record: Record) -> list[Chat]:
    return [chat_of(_taking_turns(record["data"]), record)]


def read_sharegpt(record: Record) -> list[Chat]:
    key = _named(record, CONVERSATIONS)
    transcript = read_turns(record.get(key), key)
    for index, message in enumerate(transcript.messages):
        if message.role is Role.USER and message.text.rstrip().endswith("Share Prompt"):
            transcript.messages[index] = replace(message, text=_BUTTON.sub("", message.text))
    return [chat_of(transcript, record)]


def _named(record: Record, keys: tuple[str, ...]) -> str:
    """Which of the keys is there; the usual one, if none is."""
    return next((key for key in keys if record.get(key) is not None), keys[0])


def read_turns(value: Any, name: str) -> Transcript:
    """Messages, or rounds of a question and its answer."""
    decoded = decode_text(value) if isinstance(value, str) else value
    if isinstance(decoded, list) and decoded and isinstance(decoded[0], dict):
        first = decoded[0]
        asked = next((key for key in _ASKED if key in first), None)
        answered = next((key for key in _ANSWERED if key in first), None)
        if asked and answered and first.keys().isdisjoint({"role", "from", "content", "value"}):
            return _rounds(decoded, asked, answered)
    return read_messages(value, name)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, str) and value.lstrip('" \\').startswith("["))


def chat_of(transcript: Transcript, record: Record) -> Chat:
    """The chat of a record that is a data set's row: with its system prompt, its input and its media."""
    messages = transcript.messages
    if system := name_of(record, "system", "system_prompt", "instructions"):
        messages.insert(0, Message(Role.SYSTEM, system))
    if isinstance(material := record.get("input"), str) and material.strip():
        _split_input(messages, material)
    mark_media(messages, record)
    own = "input" in record and type(record.get("turn")) is int  # our own export: a row for every turn
    chat = Chat(messages, tool_call=transcript.tool_call, notes=transcript.notes, only_last=own)
    chat.tools = tool_names(record.get("tools"))
    return fill(chat, record)


def _split_input(messages: list[Message], material: str) -> None:
    """Undo what our own export does: the last user message holds the input, which the record repeats."""
    for index in reversed(range(len(messages))):
        message = messages[index]
        if message.role is Role.USER:
            instruction, found = split_user_text(message.text, material)
            messages[index] = replace(message, text=instruction, input=found or message.input)
            return


def _rounds(rounds: list[Any], asked: str, answered: str) -> Transcript:
    """Rounds of the form `{human, assistant}`."""
    transcript = Transcript()
    for item in rounds:
        for key, role in ((asked, Role.USER), (answered, Role.ASSISTANT)):
            text = item.get(key) if isinstance(item, dict) else None
            if not isinstance(text, str):
                raise malformed(f"conversation[].{key}", text, "text")
            transcript.add(Message(role, text))
    return transcript


def _taking_turns(texts: list[str]) -> Transcript:
    return Transcript([Message((Role.USER, Role.ASSISTANT)[number % 2], text) for number, text in enumerate(texts)])


FORMAT = LogFormat("chat", "Plain chats: messages[]", matches_messages, read)
SHAREGPT = LogFormat("sharegpt", "ShareGPT: conversations[{from, value}]", matches_sharegpt, read_sharegpt)
ULTRACHAT = LogFormat(
    "ultrachat", "UltraChat: texts that take turns", matches_taking_turns, read_taking_turns, strict=True
)
