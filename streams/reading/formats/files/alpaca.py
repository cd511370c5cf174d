"""Records of one question and one answer: Alpaca's instruction, input, output, and the names that others give these.

Source: Stanford Alpaca; Dolly (`context`, `response`), Self-Instruct (`prompt`, `completion`), GSM8K (`question`,
`answer`), OpenOrca (`system_prompt`), LLaMA-Factory (`system`, `history`).
"""

from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.messages.circumstances import fill
from streams.reading.formats.messages.media import mark_media
from streams.reading.formats.messages.prompts import is_request
from streams.reading.formats.messages.templates import read_labelled, read_rendered
from streams.reading.formats.parts.decoding import decode_text
from streams.reading.formats.parts.fields import Record, name_of, names_of, text_or_empty
from streams.reading.formats.parts.outcomes import Chat, EntryError, LogFormat, malformed
from streams.reading.sources.records import Message, Role

_QUESTIONS = ("prompt", "question", "query", "input")
_MATERIAL = ("input", "context")
_ANSWERS = ("output", "response", "completion", "answer", "generation", "generated_text", "predict", "generations")
_ASKED = frozenset({*_QUESTIONS, *_MATERIAL, *_ANSWERS, "instruction", "system", "system_prompt", "id", "model"})
_EARLIER = frozenset({"system", "system_prompt", "history"})
_OTHER_FORMATS = frozenset(
    {
        "messages",
        "conversations",
        "choices",
        "done",
        "request",
        "attributes",
        "traceId",
        "trace_id",
        "call_type",
        "bookmarked",
        "custom_id",
        "stop_reason",
    }
)


def matches(record: Record) -> bool:
    if "instruction" in record:
        return "messages" not in record and "conversations" not in record
    question = next((record[key] for key in _QUESTIONS if isinstance(record.get(key), str)), None)
    if question is None or not record.keys().isdisjoint(_OTHER_FORMATS) or is_request(decode_text(question)):
        return False
    answers = [record[key] for key in _ANSWERS if key in record and key != "generations"]
    return all(isinstance(answer, str | None) for answer in answers)


def read(record: Record) -> tuple[Chat]:
    if "instruction" in record:
        question = text_or_empty(record, "instruction")
        material = next((text_or_empty(record, key) for key in _MATERIAL if key in record), "")
    else:
        key = next((key for key in _QUESTIONS if record.get(key) is not None), "instruction")
        question = text_or_empty(record, key)
        material = text_or_empty(record, "context")
    if material and not question.strip():
        question, material = material, ""
    messages = [] if record.keys().isdisjoint(_EARLIER) else _before(record)
    asked = _asked(question, material, "instruction" not in record)
    answer = _answer(record)
    messages += asked
    messages.append(Message(Role.ASSISTANT, answer.strip() if asked[0].text != question else answer))
    mark_media(messages, record)
    return (fill(Chat(messages), record),)


def _asked(question: str, material: str, is_prompt: bool) -> list[Message]:
    """The user's message, or the messages that a template wrote into a prompt."""
    found = read_rendered(question) or (read_labelled(question) if is_prompt else None)
    if found is None or material:
        return [Message(Role.USER, question, material)]
    return found.messages


def _answer(record: Record) -> str:
    for key in _ANSWERS:
        value = record.get(key)
        if isinstance(value, str):
            return value
        if key == "generations" and isinstance(value, list) and value and isinstance(value[0], str):
            return value[0]
        if value is not None:
            raise malformed(key, value, "text")
    others = names_of(key for key, value in record.items() if isinstance(value, str) and key not in _ASKED)
    detail = f"; texts stand under {others}" if others else ""
    raise EntryError(RejectReason.NO_RESPONSE, f"no answer beside the question{detail}")


def _before(record: Record) -> list[Message]:
    """The system prompt and earlier turns."""
    messages = []
    system = name_of(record, "system", "system_prompt")
    if system:
        messages.append(Message(Role.SYSTEM, system))
    history: Any = record.get("history")
    for turn in history if isinstance(history, list) else []:
        if not (isinstance(turn, list) and len(turn) == 2 and all(isinstance(text, str) for text in turn)):
            raise malformed("history[]", turn, "a pair of texts")
        messages += Message(Role.USER, turn[0]), Message(Role.ASSISTANT, turn[1])
    return messages


FORMAT = LogFormat("alpaca", "Alpaca and other question-and-answer records", matches, read)
