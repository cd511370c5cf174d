"""Threads of OpenAI's Assistants API, put together from the calls of a recorded session.

Source: OpenAI API reference, "Assistants (deprecated)": messages, runs, streamed events.
"""

import re
from collections.abc import Iterator
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.messages.content import read_content
from streams.reading.formats.messages.transcripts import read_role
from streams.reading.formats.parts.events import Events, read_body
from streams.reading.formats.parts.fields import Record, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import Chat, EntryError, Outcome
from streams.reading.sources.records import Message, Role

_CALLS = re.compile(r"/(assistants|threads)(/|\?|$)")
_THREAD = re.compile(r"/threads/([\w-]+)")


def is_call(url: str) -> bool:
    return _CALLS.search(url) is not None


class Threads:
    """Collects messages, models and instructions of all threads in a session."""

    def __init__(self) -> None:
        self._messages: dict[str, dict[str, Record]] = {}  # thread → message id → message
        self._assistants: dict[str, Record] = {}
        self._runs: dict[str, Record] = {}  # thread → its last run

    def add(self, url: str, request: Any, response: Any) -> None:
        """One call; bodies as values or text."""
        match = _THREAD.search(url)
        thread = match.group(1) if match else ""
        for item in _objects(response):
            self._add_object(item, thread)

    def outcomes(self) -> Iterator[Outcome]:
        """A chat for each thread that has messages, or why it is none."""
        for thread, messages in self._messages.items():
            try:
                yield self._chat(thread, list(messages.values()))
            except EntryError as error:
                yield error

    def _add_object(self, item: Record, thread: str) -> None:
        kind, identity = item.get("object"), name_of(item, "id")
        if kind == "thread.message" and identity:
            self._messages.setdefault(name_of(item, "thread_id") or thread, {})[identity] = item
        elif kind == "assistant" and identity:
            self._assistants[identity] = item
        elif kind == "thread.run":
            self._runs[name_of(item, "thread_id") or thread] = item

    def _chat(self, thread: str, items: list[Record]) -> Chat:
        run = self._runs.get(thread, {})
        if run.get("status") in ("failed", "cancelled", "expired"):
            raise EntryError(RejectReason.ERROR_RESPONSE, "the thread's last run failed")
        if run.get("status") == "incomplete":
            raise EntryError(RejectReason.UNFINISHED, "the thread's last run is incomplete")
        items.sort(key=lambda item: _seconds(item.get("created_at")))
        assistant = self._assistants.get(name_of(run, "assistant_id") or "", {})
        messages = [_message(item) for item in items]
        if system := name_of(run, "instructions") or name_of(assistant, "instructions"):
            messages.insert(0, Message(Role.SYSTEM, system))
        model = name_of(run, "model") or name_of(assistant, "model")
        return Chat(messages, thread, time_of(items[-1], "created_at"), model, session_id=thread)


def _seconds(value: Any) -> float:
    return value if isinstance(value, int | float) else 0


def _message(item: Record) -> Message:
    role = read_role(item)
    content = read_content(item.get("content"))
    return Message(role, content.text(role), multi_modal=content.multi_modal)


def _objects(response: Any) -> Iterator[Record]:
    """The API's objects in a body: itself, a list's items, or the data of streamed events."""
    if isinstance(response, str):
        response = read_body(response)
    items = response.items if isinstance(response, Events) else response if isinstance(response, list) else [response]
    for item in items:
        record = mapping(item)
        data = record.get("data")
        if record.get("object") == "list" and isinstance(data, list):
            yield from (inner for inner in data if isinstance(inner, dict))
        elif record:
            yield record
