"""Preference data: the preferred answer makes the pair, the other one is kept beside it.

Source: TRL's data set formats; LLaMA-Factory, ms-swift and OpenAI's preference files; HH-RLHF, UltraFeedback, Nectar,
PKU-SafeRLHF, SHP, WebGPT and Chatbot Arena.
"""

from dataclasses import replace
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.files.chat import chat_of, read_turns
from streams.reading.formats.messages.prompts import is_request, read_prompt, read_text
from streams.reading.formats.messages.templates import read_labelled
from streams.reading.formats.messages.transcripts import Transcript, read_messages
from streams.reading.formats.parts.decoding import decode_text
from streams.reading.formats.parts.fields import Record, first_of, mapping
from streams.reading.formats.parts.outcomes import Chat, EntryError, LogFormat
from streams.reading.sources.records import Message, Remarks, Role

_WON = (
    "chosen", "chosen_messages", "chosen_response", "response_chosen", "preferred_output", "preferred", "answer_chosen",
    "chosen_answer", "accepted_response",
)  # fmt: skip
_LOST = (
    "rejected", "rejected_messages", "rejected_response", "response_rejected", "non_preferred_output", "dispreferred",
    "nonpreferred", "answer_rejected", "rejected_answer", "unpreferred",
)  # fmt: skip
_COMPARED = (
    ("response_a", "response_b"), ("response_0", "response_1"), ("response_1", "response_2"), ("answer_0", "answer_1"),
    ("human_ref_A", "human_ref_B"), ("conversation_a", "conversation_b"), ("answer_a", "answer_b"),
)  # fmt: skip
_QUESTIONS = ("prompt", "question", "query", "instruction", "input", "history")
_BEFORE = ("messages", "conversations", "conversation")
_FIRST_WINS = frozenset({"model_a", "a", "response_a", "answer_a", "response_0"})
_SECOND_WINS = frozenset({"model_b", "b", "response_b", "answer_b"})


def matches(record: Record) -> bool:
    if _is_answer(first_of(record, *_WON)) and (_is_answer(first_of(record, *_LOST)) or _has_question(record)):
        return True
    if record.keys() & {"rejected_response", "rejected_messages"} and isinstance(record.get("messages"), list):
        return True
    return any(first in record and second in record for first, second in _COMPARED) or _is_ranked(record)


def read(record: Record) -> list[Chat]:
    """Raises: EntryError, `not_chosen` where no answer was preferred."""
    won, lost = _sides(record)
    if won is None:
        raise EntryError(RejectReason.NO_RESPONSE, "no answer is named as the preferred one")
    before = _before(record)
    chosen = _answer(won)
    if not before.messages and any(message.role is Role.USER for message in chosen.messages):
        before, chosen = chosen, Transcript()
    else:
        chosen.messages = _without_prompt(chosen.messages, before.messages)
    before.messages += chosen.messages
    before.notes += chosen.notes
    before.tool_call |= chosen.tool_call
    lost_texts = tuple(text for other in lost if (text := _last_text(other)))
    last = before.messages[-1] if before.messages else None
    if last is not None and last.role is Role.ASSISTANT and lost_texts:
        before.messages[-1] = replace(last, remarks=replace(last.remarks or Remarks(), rejected=lost_texts))
    return [chat_of(before, _around(record))]


def _around(record: Record) -> Record:
    """The record without what has been read; its `input` is Alpaca's material where an instruction stands beside it."""
    read_already = {*_WON, *_LOST, *_BEFORE, "input", "history", "system"} - (
        {"system"} if "history" not in record else set()
    )
    return {key: value for key, value in record.items() if key not in read_already}


def _is_answer(value: Any) -> bool:
    return isinstance(value, str | list | dict) and bool(value)


def _has_question(record: Record) -> bool:
    return any(record.get(key) for key in (*_QUESTIONS, *_BEFORE))


def _is_ranked(record: Record) -> bool:
    """Answers with ranks (Nectar), or with ratings beside them (UltraFeedback); LLaMA-Factory's older list of two."""
    answers = record.get("answers")
    if isinstance(answers, list) and answers and all("rank" in mapping(answer) for answer in answers):
        return True
    if isinstance(record.get("generations"), list) and isinstance(record.get("ratings"), list):
        return len(record["generations"]) == len(record["ratings"]) > 0
    output = record.get("output")
    return "instruction" in record and isinstance(output, list) and len(output) == 2 and all(map(_is_text, output))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _sides(record: Record) -> tuple[Any, list[Any]]:
    """The preferred answer and the others."""
    won, lost = first_of(record, *_WON), first_of(record, *_LOST)
    if won is None and lost is not None and isinstance(record.get("messages"), list):
        return record["messages"][-1:], [lost]
    if won is not None:
        return won, [] if lost is None else lost if _are_texts(lost) else [lost]
    if _is_ranked(record):
        ranked = _ranked(record)
        return (ranked[0], ranked[1:]) if ranked else (None, [])
    first, second = next(names for names in _COMPARED if names[0] in record and names[1] in record)
    winner = _winner(record)
    if winner is None:
        raise EntryError(RejectReason.NOT_CHOSEN, "neither answer was preferred")
    return (record[first], [record[second]]) if winner else (record[second], [record[first]])


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _ranked(record: Record) -> list[Any]:
    answers = record.get("answers")
    if isinstance(answers, list):
        items = sorted(map(mapping, answers), key=lambda answer: _number(answer.get("rank"), 1_000_000))
        return [first_of(item, "answer", "text", "content", "response") for item in items]
    if isinstance(record.get("ratings"), list):
        rated = zip(record["generations"], record["ratings"], strict=True)
        return [text for text, _ in sorted(rated, key=lambda item: -_number(item[1], -1))]
    return list(record["output"])


def _number(value: Any, default: float) -> float:
    return value if isinstance(value, int | float) and value == value else default


def _winner(record: Record) -> bool | None:
    """Whether the first answer was preferred; None: neither, or nobody says."""
    value = first_of(record, "winner", "preference", "preferred_response", "choice")
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _FIRST_WINS else False if word in _SECOND_WINS else None
    for key, second in (("winner_model_a", False), ("winner_model_b", True)):
        if record.get(key) in (1, True):
            return not second
    better = first_of(record, "better_response_id", "chosen_index", "preferred_index")
    if isinstance(better, int):
        return better == 0
    if isinstance(record.get("labels"), int) and "human_ref_A" in record:
        return record["labels"] == 1
    scores = [_number(record.get(key), 0) for key in ("score_0", "score_1")]
    if scores[0] != scores[1]:
        return scores[0] > scores[1]
    strength = _number(first_of(record, "preference_strength"), 0)
    return strength < 0 if strength else None


def _before(record: Record) -> Transcript:
    """What was asked, with all that was said before."""
    for key in _BEFORE:
        if isinstance(value := record.get(key), list) and not first_of(record, "chosen_messages"):
            found = read_turns(value, key)
            if first_of(record, *_WON) is None or record.keys().isdisjoint({"prompt", "question"}):
                return _to_the_question(found)
    body = record.get("input")
    if isinstance(body, dict):
        return read_prompt(body, "input")
    question = next((record[key] for key in _QUESTIONS if record.get(key)), None)
    if isinstance(question, dict):
        question = first_of(question, "full_text", "text", "content")
    if isinstance(question, list):
        return read_messages(question, "prompt")
    if not isinstance(question, str):
        return Transcript()
    transcript = read_text(question, "prompt")
    material = record.get("input")
    if "instruction" in record and isinstance(material, str) and material:
        transcript.messages[-1] = replace(transcript.messages[-1], input=material)
    return Transcript([*_history(record), *transcript.messages], notes=transcript.notes)


def _history(record: Record) -> list[Message]:
    history = record.get("history")
    rounds = (
        [turn for turn in history if isinstance(turn, list) and len(turn) == 2] if isinstance(history, list) else []
    )
    roles = (Role.USER, Role.ASSISTANT)
    earlier = [Message(role, text) for turn in rounds for role, text in zip(roles, turn, strict=True) if _is_text(text)]
    system = record.get("system") if "history" in record else None
    return [Message(Role.SYSTEM, system), *earlier] if isinstance(system, str) and system else earlier


def _to_the_question(found: Transcript) -> Transcript:
    """The messages up to the user's last: an answer behind it is one of those compared."""
    while found.messages and found.messages[-1].role is Role.ASSISTANT:
        found.messages.pop()
    return found


def _answer(value: Any) -> Transcript:
    if isinstance(value, str) and is_request(decoded := decode_text(value)):
        value = decoded
    if isinstance(value, str):
        return read_labelled(value, whole=True) or Transcript([Message(Role.ASSISTANT, value)])
    if isinstance(value, list) and value and all(map(_is_text, value)):
        return Transcript([Message(Role.ASSISTANT, value[0])])
    return read_messages(value, "chosen", Role.ASSISTANT)


def _without_prompt(chosen: list[Message], before: list[Message]) -> list[Message]:
    """The messages behind the user's last one, where the answer repeats what was asked."""
    asked = [index for index, message in enumerate(chosen) if message.role is Role.USER]
    if not asked:
        return chosen
    if not before:
        return chosen
    return chosen[asked[-1] + 1 :]


def _last_text(value: Any) -> str:
    try:
        messages = _answer(value).messages
    except EntryError:
        return ""
    return messages[-1].text if messages and messages[-1].role is Role.ASSISTANT else ""


FORMAT = LogFormat("preferences", "Preference rows: chosen and rejected answers", matches, read, strict=True)
