"""Google's Gemini (generateContent), whole or streamed; also as the Agent Development Kit logs it.

Source: Gemini API reference, "GenerateContentResponse".
"""

from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.messages.content import Content, read_content
from streams.reading.formats.messages.finishes import finish_word
from streams.reading.formats.messages.replies import LOST, Choice, Reply
from streams.reading.formats.parts.events import Events
from streams.reading.formats.parts.fields import Record, first_of, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import EntryError, malformed


def recognises(body: Record) -> bool:
    if body.get("candidates") is None and isinstance(body.get("text"), str):
        return False
    return "candidates" in body or "promptFeedback" in body or _is_candidate(body)


def read_reply(body: Record) -> Reply:
    """Raises: EntryError, naming the field; `refused` when the prompt was blocked."""
    if mapping(body.get("promptFeedback")).get("blockReason"):
        raise EntryError(RejectReason.REFUSED, "the prompt was blocked")
    candidates = [body] if _is_candidate(body) else body.get("candidates")
    if not isinstance(candidates, list):
        raise malformed("candidates", candidates, "an array")
    return Reply(
        [_read_candidate(candidate) for candidate in candidates],
        [],
        name_of(body, "responseId", "id"),
        name_of(body, "modelVersion", "model"),
        time_of(body, "createTime", "timestamp"),
    )


def is_event(event: Record) -> bool:
    return recognises(event)


def join_events(events: Events) -> Record:
    """The first candidate of all events put together."""
    parts: list[Any] = []
    finish: Any = None
    for event in events.items:
        candidates = event.get("candidates")
        first = mapping(candidates[0]) if isinstance(candidates, list) and candidates else {}
        more = mapping(first.get("content")).get("parts")
        parts += more if isinstance(more, list) else []
        finish = first_of(first, "finishReason", "finish_reason") or finish
    candidate = {"content": {"parts": parts}, "finishReason": LOST if events.damaged or not finish else finish}
    return {**(events.items[-1] if events.items else {}), "candidates": [candidate]}


def _is_candidate(body: Record) -> bool:
    return isinstance(mapping(body.get("content")).get("parts"), list)


def _read_candidate(candidate: Any) -> Choice:
    if not isinstance(candidate, dict):
        raise malformed("candidates[]", candidate, "an object")
    content = read_content(candidate.get("content"), "candidates[].content") if "content" in candidate else Content()
    finish = first_of(candidate, "finishReason", "finish_reason")
    return Choice(content, finish_word(finish, numbers=True))
